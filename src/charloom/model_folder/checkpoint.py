"""The checkpoint of a run on disk: written whole at one moment, vouched for by digests. No torch.

A checkpoint is two files in a folder. ``state.json`` tells what the run is and where it stands; the
tensors lie beside it in a safetensors file whose name it gives. A new checkpoint is written under
other names first, and takes the old one's place by one renaming, that of ``state.json``: a process
that is killed at any moment leaves the old one or the new one. What a killed save left lying is
removed by the next.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from charloom.errors import ResumeError

FORMAT: Final = 3
"""Changed where the rules of the optimizer did: no other format can be gone on from."""
STATE: Final = "state.json"
_TENSORS: Final = "tensors-{}.safetensors"
_PARTIAL: Final = ".partial"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A run at one moment, between two steps."""

    run: Mapping[str, Any]
    """What the run is: settings, texts, software, machine (resuming.py)."""
    state: Any
    """Where it stands, as JSON that names tensors (learning/packing.py)."""
    tensors: bytes
    """The tensors, as the bytes of a safetensors file."""


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Put ``checkpoint`` in the place of the one in ``folder``; raises OSError."""
    folder.mkdir(exist_ok=True)
    digest = _digest(checkpoint.tensors)
    header = {
        "format": FORMAT,
        "run": dict(checkpoint.run),
        "state": checkpoint.state,
        "tensors": _TENSORS.format(digest),
        "tensors_digest": digest,
    }
    header["digest"] = _digest(_json(header))
    for name, content in ((header["tensors"], checkpoint.tensors), (STATE, _json(header))):
        _write(folder / (name + _PARTIAL), content)
    for name in (header["tensors"], STATE):
        (folder / (name + _PARTIAL)).replace(folder / name)
        _fsync_directory(folder)
    for entry in folder.iterdir():
        if entry.name not in (header["tensors"], STATE):
            entry.unlink()


def remove(folder: Path) -> None:
    """Remove the checkpoint in ``folder``, what says that there is one first; raises OSError."""
    (folder / STATE).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def read(folder: Path) -> Checkpoint:
    """Return the checkpoint in ``folder``; raises ResumeError if it is not there or not whole."""
    if not (folder / STATE).is_file():
        raise ResumeError(
            f"there is no checkpoint in {folder.parent}, so there is nothing to resume; "
            "check the name, or begin the run without --resume."
        )
    try:
        header = _header(folder)
        tensors = (folder / header["tensors"]).read_bytes()
        if _digest(tensors) != header["tensors_digest"]:
            raise _altered_error(folder / header["tensors"])
        return Checkpoint(run=header["run"], state=header["state"], tensors=tensors)
    except FileNotFoundError as error:
        raise _altered_error(Path(error.filename)) from error
    except OSError as error:
        raise ResumeError(
            f"{error.filename or folder} cannot be read ({error.strerror or error}); "
            "a checkpoint that you may read is needed: check its permissions."
        ) from error


def _header(folder: Path) -> dict[str, Any]:
    """Return what ``state.json`` says, once it is known to be unaltered."""
    path = folder / STATE
    try:
        header = json.loads(path.read_bytes())
        version, digest = header["format"], header.pop("digest", None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _altered_error(path) from error
    if isinstance(version, int) and version != FORMAT:
        another = "a newer" if version > FORMAT else "the older"
        raise ResumeError(
            f"{folder} has checkpoint format {version}; this charloom goes on from format {FORMAT} "
            f"alone: use {another} charloom, or begin the run anew with --force."
        )
    if digest != _digest(_json(header)):
        raise _altered_error(path)
    known: dict[str, Any] = header
    return known


def _altered_error(path: Path) -> ResumeError:
    return ResumeError(
        f"{path} is missing, damaged or was altered after it was saved; only a whole checkpoint "
        "can be resumed: put the file back as it was, or begin the run anew with --force."
    )


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _fsync_directory(folder: Path) -> None:
    """Let the names in ``folder`` outlive a failure of the power, where the system can do that."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _json(value: object) -> bytes:
    # No NaN, which is no JSON; and ASCII, since file names may hold what is no text.
    return (json.dumps(value, allow_nan=False, indent=1, sort_keys=True) + "\n").encode("ascii")


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
