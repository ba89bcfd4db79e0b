"""Fingerprint source files by their content.

The digest of a large file is cached with its size, times, inode and device, so that the file is not
read at every start. Any change of a file changes its status-change time (ctime), which programs
cannot set. File systems record times in coarse ticks, so the digest of a file that was changed
within the last seconds is not cached.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from charloom.data.cache import cache_root
from charloom.data.source_file import SourceFile, unreadable_error
from charloom.files import replace_files

MIN_CACHED_BYTES = 1 << 26
"""Smallest size of a file whose digest is cached; smaller ones are read at every start."""
MIN_AGE_NS = 2_000_000_000
"""Smallest age of the last change, in nanoseconds, of a file whose digest is cached: more than a
tick."""
_DIGEST_BYTES = 16


def fingerprint(files: Sequence[SourceFile]) -> str:
    """Return the hexadecimal digest of the files' content and format.

    Their names do not matter. Raises SourceError if one cannot be read.
    """
    whole = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        try:
            content = _cached_digest(file.path)
        except OSError as error:
            raise unreadable_error(file.name, error) from error
        parts = (content, file.format, file.compression, file.column_names)
        whole.update(
            repr(parts if file.own_columns is None else (*parts, file.own_columns)).encode()
        )
    return whole.hexdigest()


def _cached_digest(path: Path) -> str:
    state = _file_state(path)
    if state[0] < MIN_CACHED_BYTES:
        return _compute_digest(path)
    entry = _entry_path(path)
    try:
        cached = json.loads(entry.read_bytes())
        if cached["state"] == state and isinstance(cached["digest"], str):
            return cached["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no entry, or a damaged one
    now = time.time_ns()
    digest = _compute_digest(path)
    if state == _file_state(path) and max(state[1:3]) < now - MIN_AGE_NS:
        _write_entry(entry, {"state": state, "digest": digest})
    return digest


def _entry_path(path: Path) -> Path:
    location = str(path.resolve()).encode("utf-8", "surrogateescape")
    name = hashlib.blake2b(location, digest_size=_DIGEST_BYTES).hexdigest()
    return cache_root() / "digests" / f"{name}.json"


def _file_state(path: Path) -> list[int]:
    """Return size, modification time, status-change time, inode and device of a file."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def _compute_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, hashlib.blake2b).hexdigest()


def _write_entry(entry: Path, record: dict[str, object]) -> None:
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        replace_files(entry.parent, {entry.name: json.dumps(record).encode()})
    except OSError:
        return  # the file is read again at the next start
