"""Writing a model folder: whole or not at all, also when the disk is full or the power fails.

The first save fills a folder beside the place under a temporary name and renames it; what stood
there before (a model that ``force`` replaces) stays until that moment. Later saves replace one file
at a time, each at one moment.
"""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from charloom.errors import OutputError
from charloom.model_card import card
from charloom.model_folder import CARD, CONFIG, VOCABULARY, WEIGHTS, ModelRecord, files


class ModelWriter:
    """Writes the model folder ``path``; a context manager that leaves nothing half-made behind.

    Raises OutputError when ``path`` cannot be written, or holds something already; ``force``
    replaces a model, and nothing else.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        check_free(path, force=force)
        self._path = path
        self._placed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        except OSError as error:
            raise self._cannot_write(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._placed:
            shutil.rmtree(self._partial, ignore_errors=True)

    def save(self, record: ModelRecord) -> None:
        """Write ``record``: the first time the whole folder, later weights, figures and card."""
        try:
            contents = files(record) | {CARD: card(record).encode()}
            if self._placed:
                del contents[VOCABULARY]
                for name, content in contents.items():
                    _replace(self._path / name, content)
                return
            for name, content in contents.items():
                _write(self._partial / name, content)
            _open_to_others(self._partial)
            _put_in_place(self._partial, self._path)
            self._placed = True
        except OSError as error:
            raise self._cannot_write(error) from error

    def append(self, name: str, line: str) -> None:
        """Add ``line`` to the end of the file ``name`` of the folder."""
        try:
            folder = self._path if self._placed else self._partial
            with (folder / name).open("a", encoding="utf-8", newline="\n") as file:
                file.write(line + "\n")
        except OSError as error:
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._path} cannot be written ({error.strerror or error}); "
            "nothing half-made is left there: free some space, "
            "or choose another folder with --output."
        )


def create(path: Path, record: ModelRecord, *, force: bool = False) -> None:
    """Make the model folder ``path`` of ``record``; raises OutputError as ModelWriter does."""
    with ModelWriter(path, force=force) as writer:
        writer.save(record)


def check_free(path: Path, *, force: bool) -> None:
    """Raise OutputError if a model cannot be made at ``path`` because of what is there."""
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir():
        raise OutputError(f"{path} is a file; name a folder that does not exist yet with --output.")
    if not any(path.iterdir()):
        return
    # A damaged model may be replaced, a folder of something else never.
    if not ((path / CONFIG).is_file() and (path / WEIGHTS).is_file()):
        raise OutputError(
            f"{path} holds other files and no model; "
            "name a folder that does not exist yet with --output."
        )
    if not force:
        raise OutputError(
            f"{path} already holds a model; replace it with --force, "
            "or name another folder with --output."
        )


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of the file ``path`` at one moment."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        _write(temporary, content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _open_to_others(folder: Path) -> None:
    """Give a temporary folder, which only its owner may enter, the rights of an ordinary one."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)


def _put_in_place(partial: Path, path: Path) -> None:
    """Rename the folder ``partial`` to ``path``, which may be missing, empty or a model."""
    if not path.exists():
        partial.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    path.rename(old / "model")
    try:
        partial.rename(path)
    except OSError:
        (old / "model").rename(path)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)
