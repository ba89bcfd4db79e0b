"""The checkpoint of a run on disk, complete at every moment.

A checkpoint is two files in a folder. ``state.json`` describes the run and its state, and names the
safetensors file beside it. It contains a digest of itself and of that file. A new checkpoint first
writes its tensors under a new name, then replaces ``state.json`` in one rename. A process that is
killed at any moment leaves the old or the new checkpoint; the next save removes every other file.

docs/model-folder.md lists the content. ``runs/checkpointing.py`` collects it: the description of
the run from ``runs/resume.py``, the states of the components from ``runs/outputs.py``.
"""

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from charloom.errors import ResumeError
from charloom.files import exists, fsync_directory, is_file, replace_files
from charloom.model_folder.encoding import checkpoint_json, digest

FORMAT: Final = 4
"""Raised whenever the content of checkpoints or the optimizer's rules change.

Checkpoints of other formats cannot be resumed.
"""
STATE: Final = "state.json"
_TENSORS: Final = "tensors-{}.safetensors"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A run between two optimizer steps."""

    run: Mapping[str, Any]
    """Settings, sources, software and machine of the run (runs/resume.py)."""
    state: Any
    """The state of each part of the run, as JSON that names tensors (training/state_codec.py)."""
    tensors: bytes
    """The tensors, as the bytes of a safetensors file."""


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint in ``folder``; raises OSError.

    The folder is created if necessary.
    """
    if not exists(folder):
        folder.mkdir(exist_ok=True)
        fsync_directory(folder.parent)
    tensors_digest = digest(checkpoint.tensors)
    tensors_name = _TENSORS.format(tensors_digest)
    header = {
        "format": FORMAT,
        "run": dict(checkpoint.run),
        "state": checkpoint.state,
        "tensors": tensors_name,
        "tensors_digest": tensors_digest,
    }
    header["digest"] = digest(checkpoint_json(header))
    # Two calls: the tensors must be on disk before a file names them.
    replace_files(folder, {tensors_name: checkpoint.tensors})
    replace_files(folder, {STATE: checkpoint_json(header)})
    for entry in folder.iterdir():
        if entry.name not in (tensors_name, STATE):
            entry.unlink()


def remove(folder: Path) -> None:
    """Remove the checkpoint in ``folder``, ``state.json`` first; raises OSError."""
    state = folder / STATE
    if exists(state):
        state.unlink(missing_ok=True)
        fsync_directory(folder)  # else a power failure could bring back a state without tensors
    shutil.rmtree(folder, ignore_errors=True)


def read(folder: Path) -> Checkpoint:
    """Return the checkpoint in ``folder``.

    Raises ResumeError if it is missing or damaged, or cannot be read.
    """
    try:
        if not is_file(folder / STATE):
            raise ResumeError(
                f"there is no checkpoint in {folder.parent}, so there is nothing to resume; "
                "check the name, or begin the run without --resume."
            )
        header = _read_header(folder)
        tensors = (folder / header["tensors"]).read_bytes()
        if digest(tensors) != header["tensors_digest"]:
            raise _altered_error(folder / header["tensors"])
        return Checkpoint(run=header["run"], state=header["state"], tensors=tensors)
    except FileNotFoundError as error:
        raise _altered_error(Path(error.filename)) from error
    except OSError as error:
        raise ResumeError(
            f"{error.filename or folder} cannot be read ({error.strerror or error}); "
            "a checkpoint that you may read is needed: check its permissions."
        ) from error


def _read_header(folder: Path) -> dict[str, Any]:
    """Return the content of ``state.json`` after comparing it with its digest."""
    path = folder / STATE
    try:
        header: dict[str, Any] = json.loads(path.read_bytes())
        version, header_digest = header["format"], header.pop("digest", None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _altered_error(path) from error
    if isinstance(version, int) and version != FORMAT:
        another = "a newer" if version > FORMAT else "the older"
        raise ResumeError(
            f"{folder} has checkpoint format {version}; this charloom resumes format {FORMAT} "
            f"only: use {another} charloom, or begin the run anew with --force."
        )
    if header_digest != digest(checkpoint_json(header)):
        raise _altered_error(path)
    return header


def _altered_error(path: Path) -> ResumeError:
    return ResumeError(
        f"{path} is missing, damaged or was altered after it was saved; only a whole checkpoint "
        "can be resumed: put the file back as it was, or begin the run anew with --force."
    )
