"""Writing a model folder: whole or not at all, also when the disk is full or the power fails.

The first save fills a folder beside the place under a temporary name and renames it; what stood
there before (a model that ``force`` replaces) stays until that moment. Later saves write all files
under temporary names, then replace one file at a time, each at one moment. A run that is resumed
writes on in its folder.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from charloom.errors import OutputError
from charloom.model_folder import checkpoint
from charloom.model_folder.atomic import make_sibling, replace_directory
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

_OWN_ENTRIES: Final = frozenset(
    {
        *(CARD, CHECKPOINT, CONFIG, DOCUMENTS, METRICS, REPORT, REPORT_FIGURES, SAMPLES),
        *(TENSORBOARD, VOCABULARY, WEIGHTS),
    }
)
EVENT_FILE_PREFIX: Final = "events.out.tfevents."
"""How names of files begin that TensorBoard reads."""
_CONSTANT_FILES: Final = (DOCUMENTS, VOCABULARY)
"""What all weights of one training share: written with the first of them."""


class ModelWriter:
    """Writes the model folder ``path``; a context manager that leaves nothing half-made behind.

    Raises OutputError when ``path`` cannot be written, or holds something already; ``force``
    replaces a model, and nothing else. With ``resume`` the folder is that of a run which goes on.
    """

    def __init__(self, path: Path, *, force: bool = False, resume: bool = False) -> None:
        self._path = path
        self._force = force
        self._in_place = resume
        self._temporary = path
        self._created_parents: list[Path] = []
        if resume:
            return
        check_output_path(path, force=force)
        try:
            self._created_parents += [parent for parent in path.parents if not parent.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary = make_sibling(path)
        except OSError as error:
            self._remove_parents()
            raise self._cannot_write(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._in_place:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._remove_parents()

    def save(self, record: ModelRecord) -> None:
        """Write ``record``: the first time the whole folder, later weights, figures and card.

        Raises OutputError when it cannot be written, or when something has come to the place
        meanwhile.
        """
        try:
            contents = to_files(record) | {CARD: model_card(record).encode()}
            if self._in_place:
                replace_files(
                    self._path,
                    {name: contents[name] for name in contents if name not in _CONSTANT_FILES},
                )
                return
            for name, content in contents.items():
                _write(self._temporary / name, content)
            check_output_path(self._path, force=self._force)
            replace_directory(self._temporary, self._path)
            self._in_place = True
        except OSError as error:
            raise self._cannot_write(error) from error

    @property
    def path(self) -> Path:
        """Where the folder has its place."""
        return self._path

    @property
    def is_in_place(self) -> bool:
        """Whether the folder stands in its place, with a model in it."""
        return self._in_place

    def append(self, name: str, line: str) -> None:
        """Add ``line`` to the end of the file ``name`` of the folder, whole or not at all."""
        self.append_bytes(name, f"{line}\n".encode())

    def append_bytes(self, name: str, content: bytes) -> None:
        """Add ``content`` to the end of the file ``name`` of the folder, whole or not at all."""
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _append(path, content)
        except OSError as error:
            raise self._cannot_write(error) from error

    def file_size(self, name: str) -> int:
        """Return how many bytes the file ``name`` of the folder has; 0 if it is not there."""
        path = self._folder / name
        return path.stat().st_size if path.exists() else 0

    def truncate(self, name: str, size: int) -> None:
        """Cut off what the file ``name`` of the folder has beyond ``size`` bytes."""
        if self.file_size(name) > size:
            try:
                os.truncate(self._folder / name, size)
            except OSError as error:
                raise self._cannot_write(error) from error

    def save_checkpoint(self, content: Checkpoint) -> None:
        """Put a checkpoint into the folder, in the place of the one before."""
        try:
            checkpoint.write(self._folder / CHECKPOINT, content)
        except OSError as error:
            raise self._cannot_write(error) from error

    def remove_checkpoint(self) -> None:
        """Remove the checkpoint of a run that has come to its end."""
        try:
            checkpoint.remove(self._folder / CHECKPOINT)
        except OSError as error:
            raise self._cannot_write(error) from error

    @property
    def _folder(self) -> Path:
        return self._path if self._in_place else self._temporary

    def _remove_parents(self) -> None:
        """Remove the folders above the place that were made for it, if nothing came into them."""
        for parent in self._created_parents:
            with contextlib.suppress(OSError):
                parent.rmdir()

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._path} cannot be written ({error.strerror or error}); "
            "nothing half-made is left there: free some space, "
            "or choose another folder with --output."
        )


def create_model_folder(path: Path, record: ModelRecord, *, force: bool = False) -> None:
    """Make the model folder ``path`` of ``record``; raises OutputError as ModelWriter does."""
    with ModelWriter(path, force=force) as writer:
        writer.save(record)


def check_output_path(path: Path, *, force: bool) -> None:
    """Raise OutputError if a model cannot be made at ``path`` because of what is there."""
    try:
        _check_output_path(path, force)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be used ({error.strerror or error}); name another folder with --output."
        ) from error


def _check_output_path(path: Path, force: bool) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir():
        raise OutputError(f"{path} is a file; name a folder that does not exist yet with --output.")
    if Path.cwd().is_relative_to(path.resolve()) or os.path.ismount(path):
        raise OutputError(
            f"{path} is a folder that you are in, or a disk of its own, which nothing can replace; "
            f"name a folder within with --output, such as {path / 'model'}."
        )
    names = {entry.name for entry in path.iterdir()}
    if not names:
        return
    if not _is_model(path):
        raise OutputError(
            f"{path} holds other files and no model; "
            "name a folder that does not exist yet with --output."
        )
    if not force and (path / CHECKPOINT / STATE).is_file():
        raise OutputError(
            f"{path} already holds a run that can be resumed; go on with it by --resume, replace "
            "it with --force, or name another folder with --output."
        )
    if not force:
        raise OutputError(
            f"{path} already holds a model; replace it with --force, "
            "or name another folder with --output."
        )
    own = _OWN_ENTRIES | {_partial_name(name) for name in _OWN_ENTRIES}
    if others := sorted([*(names - own), *_foreign_logs(path)]):
        raise OutputError(
            f"{path} holds a model and also {others[0]}, which would be lost; "
            "move it away, or name another folder with --output."
        )


def _is_model(path: Path) -> bool:
    """Return whether a model of charloom is in the folder, damaged perhaps."""
    if not ((path / CONFIG).is_file() and (path / WEIGHTS).is_file()):
        return False
    try:
        config = json.loads((path / CONFIG).read_bytes())
    except ValueError:
        return (path / VOCABULARY).is_file()
    return isinstance(config, dict) and config.get("model_type") == "charloom"


def _foreign_logs(path: Path) -> list[str]:
    """Return what is not charloom's in the folder for TensorBoard of a model."""
    files = (file for file in (path / TENSORBOARD).rglob("*") if not file.is_dir())
    return [
        file.relative_to(path).as_posix()
        for file in files
        if not file.name.startswith(EVENT_FILE_PREFIX)
    ]


def _append(path: Path, line: bytes) -> None:
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as file:
            file.write(line)
    except OSError:
        with contextlib.suppress(OSError):
            os.truncate(path, size)
        raise


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _partial_name(name: str) -> str:
    return f".{name}.partial"


def replace_files(folder: Path, contents: Mapping[str, bytes], mark: str = "") -> None:
    """Put ``contents`` in the place of the files of these names, once all of them are written.

    With a ``mark`` of their own, several processes may do so. Raises OSError; no file is half
    written then, and none under another name is left.
    """
    partial = {name: folder / _partial_name(f"{name}{mark}") for name in contents}
    try:
        for name, content in contents.items():
            _write(partial[name], content)
        for name in contents:
            partial[name].replace(folder / name)
    finally:
        for name in contents:
            partial[name].unlink(missing_ok=True)
