"""Write a model folder completely or not at all.

This holds also when the disk is full or the power fails. The first save fills a temporary folder
and renames it to its final path; a model that ``force`` replaces stays there until then. Later
saves write all files under other names, then rename one file at a time. A resumed run writes to its
existing folder.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from charloom.errors import OutputError
from charloom.files import (
    exists,
    follow_link,
    fsync_directory,
    is_dir,
    is_file,
    partial_name,
    replace_files,
)
from charloom.model_folder import checkpoint
from charloom.model_folder.atomic import fill_directory, make_sibling, replace_directory
from charloom.model_folder.card import model_card
from charloom.model_folder.checkpoint import STATE, Checkpoint
from charloom.model_folder.format import (
    CARD,
    CHECKPOINT,
    CONFIG,
    DOCUMENTS,
    METRICS,
    REPORT,
    REPORT_FIGURES,
    SAMPLES,
    TENSORBOARD,
    VOCABULARY,
    WEIGHTS,
    ModelRecord,
    to_files,
)
from charloom.model_folder.optimizer_file import OPTIMIZER, OptimizerState

_OWN_ENTRIES: Final = frozenset(
    {
        *(CARD, CHECKPOINT, CONFIG, DOCUMENTS, METRICS, REPORT, REPORT_FIGURES, SAMPLES),
        *(TENSORBOARD, VOCABULARY, WEIGHTS, OPTIMIZER),
    }
)
EVENT_FILE_PREFIX: Final = "events.out.tfevents."
"""Start of the names of TensorBoard's event files."""
_CONSTANT_FILES: Final = (DOCUMENTS, VOCABULARY)
"""The same for all weights of a run, so written by the first save only."""


class ModelWriter:
    """Writes the model folder ``path``.

    A context manager that removes an unfinished folder. Raises OutputError when ``path`` cannot be
    written or already contains something. ``force`` allows it to replace a model, and nothing else.
    With ``resume``, ``path`` is the folder of the run to be resumed.
    """

    def __init__(self, path: Path, *, force: bool = False, resume: bool = False) -> None:
        path = follow_link(path)
        self._path = path
        self._force = force
        self._in_place = resume
        self._temporary = path
        self._created_parents: list[Path] = []
        if resume:
            return
        check_output_path(path, force=force)
        try:
            self._create_parents()
            self._temporary = make_sibling(path)
        except OSError as error:
            self._remove_parents()
            raise self._cannot_write(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._in_place:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._remove_parents()

    def save(self, record: ModelRecord) -> None:
        """Write ``record`` into the folder.

        The first call writes the whole folder, later ones the files that change during a run.
        Raises OutputError when it cannot be written, or when another process has created something
        at the path in the meantime.
        """
        try:
            contents = to_files(record) | {CARD: model_card(record).encode()}
            if self._in_place:
                replace_files(
                    self._path,
                    {name: contents[name] for name in contents if name not in _CONSTANT_FILES},
                )
                return
            fill_directory(self._temporary, contents)
            check_output_path(self._path, force=self._force)
            replace_directory(self._temporary, self._path)
            self._in_place = True
        except OSError as error:
            raise self._cannot_write(error) from error

    @property
    def path(self) -> Path:
        """The final path of the folder."""
        return self._path

    @property
    def is_in_place(self) -> bool:
        """Whether the folder is at its final path, with a model in it."""
        return self._in_place

    def append(self, name: str, line: str) -> None:
        """Append ``line`` and a line feed to the file ``name``, all or nothing."""
        self.append_bytes(name, f"{line}\n".encode())

    def append_bytes(self, name: str, content: bytes) -> None:
        """Append ``content`` to the file ``name``, all or nothing; raises OutputError."""
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _append(path, content)
        except OSError as error:
            raise self._cannot_write(error) from error

    def file_size(self, name: str) -> int:
        """Return the size of the file ``name`` in bytes, 0 if there is none."""
        return _size(self._folder / name)

    def truncate(self, name: str, size: int) -> None:
        """Truncate the file ``name`` to ``size`` bytes if it is longer."""
        if self.file_size(name) > size:
            try:
                os.truncate(self._folder / name, size)
            except OSError as error:
                raise self._cannot_write(error) from error

    def save_optimizer(self, state: OptimizerState) -> None:
        """Write the optimizer's state into the folder; raises OutputError if that fails."""
        try:
            replace_files(self._folder, {OPTIMIZER: state.to_bytes()})
        except OSError as error:
            raise self._cannot_write(error) from error

    def save_checkpoint(self, content: Checkpoint) -> None:
        """Replace the checkpoint in the folder; raises OutputError if that fails."""
        try:
            checkpoint.write(self._folder / CHECKPOINT, content)
        except OSError as error:
            raise self._cannot_write(error) from error

    def remove_checkpoint(self) -> None:
        """Remove the checkpoint of a finished run; raises OutputError if that fails."""
        try:
            checkpoint.remove(self._folder / CHECKPOINT)
        except OSError as error:
            raise self._cannot_write(error) from error

    @property
    def _folder(self) -> Path:
        return self._path if self._in_place else self._temporary

    def _create_parents(self) -> None:
        self._created_parents += [parent for parent in self._path.parents if not exists(parent)]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for parent in self._created_parents:
            fsync_directory(parent.parent)

    def _remove_parents(self) -> None:
        """Remove the parent folders that were created, unless something else is in them."""
        for parent in self._created_parents:
            with contextlib.suppress(OSError):
                parent.rmdir()

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._path} cannot be written ({error.strerror or error}); "
            "nothing half-made is left there: free some space, "
            "or choose another folder with --output."
        )


def create_model_folder(
    path: Path,
    record: ModelRecord,
    *,
    force: bool = False,
    logs: Mapping[str, bytes] | None = None,
) -> None:
    """Write ``record`` as the model folder ``path``; see ``ModelWriter``.

    ``logs`` are the contents of further files by their names.
    """
    with ModelWriter(path, force=force) as writer:
        for name, content in (logs or {}).items():
            writer.append_bytes(name, content)
        writer.save(record)


def check_output_path(path: Path, *, force: bool) -> None:
    """Raise OutputError if no model may be written at ``path``.

    With ``force``, a model is no obstacle, if the folder contains nothing else.
    """
    try:
        _check_output_path(path, force)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be used ({error.strerror or error}); name another folder with --output."
        ) from error


def _check_output_path(path: Path, force: bool) -> None:
    if not exists(path) and not path.is_symlink():
        return
    if not is_dir(path):
        raise OutputError(f"{path} is a file; name a folder that does not exist yet with --output.")
    if Path.cwd().is_relative_to(path.resolve()) or os.path.ismount(path):
        raise OutputError(
            f"{path} is the current folder, a parent of it or a mount point, which cannot be "
            f"replaced; name a folder within with --output, such as {path / 'model'}."
        )
    names = {entry.name for entry in path.iterdir()}
    if not names:
        return
    if not _is_model(path):
        raise OutputError(
            f"{path} holds other files and no model; "
            "name a folder that does not exist yet with --output."
        )
    if not force and is_file(path / CHECKPOINT / STATE):
        raise OutputError(
            f"{path} already holds a run that can be resumed; resume it with --resume, replace "
            "it with --force, or name another folder with --output."
        )
    if not force:
        raise OutputError(
            f"{path} already holds a model; replace it with --force, "
            "or name another folder with --output."
        )
    own = _OWN_ENTRIES | {partial_name(name) for name in _OWN_ENTRIES}
    if others := sorted([*(names - own), *_foreign_logs(path)]):
        raise OutputError(
            f"{path} holds a model and also {others[0]}, which would be lost; "
            "move it away, or name another folder with --output."
        )


def _is_model(path: Path) -> bool:
    """Return whether the folder contains a charloom model, possibly a damaged one."""
    if not (is_file(path / CONFIG) and is_file(path / WEIGHTS)):
        return False
    try:
        config = json.loads((path / CONFIG).read_bytes())
    except ValueError:
        return is_file(path / VOCABULARY)
    return isinstance(config, dict) and config.get("model_type") == "charloom"


def _foreign_logs(path: Path) -> list[str]:
    """Return the files in a model's ``tensorboard/`` that charloom does not write."""
    files = (file for file in (path / TENSORBOARD).rglob("*") if not is_dir(file))
    return [
        file.relative_to(path).as_posix()
        for file in files
        if not file.name.startswith(EVENT_FILE_PREFIX)
    ]


def _append(path: Path, content: bytes) -> None:
    size = _size(path)
    try:
        with path.open("ab") as file:
            file.write(content)
    except OSError:
        with contextlib.suppress(OSError):
            os.truncate(path, size)
        raise


def _size(path: Path) -> int:
    return path.stat().st_size if exists(path) else 0
