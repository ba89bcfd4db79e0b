"""A hash of what files hold, by which their ids are found again.

A large file is not read again at every start: its digest is remembered in the cache, beside its
size, its times, its number and its device. What changes a file changes the second of its times,
which no program can set. A file that changed just before it was read is not remembered, since the
times of a file system are coarse.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from charloom.data.cache import cache_root
from charloom.data.text_files import SourceFile, unreadable_error

MIN_CACHED_BYTES = 1 << 26
"""Bytes of a file from which on its digest is remembered."""
_MIN_AGE_NS = 2_000_000_000
"""Nanoseconds since the last change after which a file is remembered: longer than a tick."""
_DIGEST_BYTES = 16


def fingerprint(files: Sequence[SourceFile]) -> str:
    """Return a hexadecimal digest of what the files hold and how they are read, not of their names.

    Raises SourceError if one cannot be read.
    """
    whole = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        try:
            content = _cached_digest(file.path)
        except OSError as error:
            raise unreadable_error(file.name, error) from error
        whole.update(repr((content, file.format, file.compression, file.column_names)).encode())
    return whole.hexdigest()


def _cached_digest(path: Path) -> str:
    state = _file_state(path)
    if state[0] < MIN_CACHED_BYTES:
        return _compute_digest(path)
    place = str(path.resolve()).encode("utf-8", "surrogateescape")
    note = (
        cache_root()
        / "digests"
        / f"{hashlib.blake2b(place, digest_size=_DIGEST_BYTES).hexdigest()}.json"
    )
    try:
        known = json.loads(note.read_bytes())
        if known["state"] == state and isinstance(known["digest"], str):
            return known["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing is remembered, or what was cannot be read
    now = time.time_ns()
    digest = _compute_digest(path)
    if state == _file_state(path) and max(state[1:3]) < now - _MIN_AGE_NS:
        _write_entry(note, {"state": state, "digest": digest})
    return digest


def _file_state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]


def _compute_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, hashlib.blake2b).hexdigest()


def _write_entry(note: Path, record: dict[str, object]) -> None:
    """Write what is known of a file, if the cache can be written; else it is read once more."""
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        making = note.with_suffix(".making")
        making.write_text(json.dumps(record), encoding="ascii")
        making.replace(note)
    except OSError:
        return
