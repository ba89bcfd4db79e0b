"""An export in memory, and on disk: its files, its size, and what it discloses."""

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from charloom.errors import OutputError, SettingsError
from charloom.files import exists, is_dir, replace_file, replace_files
from charloom.records import Record

MAX_SIZE: Final = 64_000_000
"""Bytes above which an export is written with ``force`` only."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WrittenExport(Record):
    """An export on disk. It is a path too: ``open`` and ``Path`` accept it."""

    path: Path
    """The file, or the folder of several files."""
    format: str
    bytes: int
    """The size of all files."""
    figures: Mapping[str, Any]
    """Facts of the format, such as the type of the weights."""
    discloses: tuple[str, ...]
    """The parts of the model that a reader of the export gets."""

    def __fspath__(self) -> str:
        return str(self.path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedExport:
    """An export that is complete but not written."""

    format: str
    files: Mapping[str, bytes]
    """Contents by name; one file, of any name, unless ``is_folder``."""
    is_folder: bool = False
    figures: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Sentences for the user, to be shown before the export is written."""
    discloses: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))

    def check_size(self, *, force: bool, advice: str) -> None:
        """Raise SettingsError for an export of more than MAX_SIZE without ``force``."""
        if self.size > MAX_SIZE and not force:
            raise SettingsError(
                f"the export would have {format_size(self.size)}, more than "
                f"{format_size(MAX_SIZE)}; {advice}, or write it all the same with --force."
            )

    def write(self, path: Path, *, force: bool = False) -> WrittenExport:
        """Write the export at ``path``, completely or not at all.

        Other files of an existing folder stay. Raises OutputError for files that are there already,
        which ``force`` replaces; for a file in the place of a folder, or the other way round; and
        if the export cannot be written.
        """
        try:
            self._check_path(path, force)
            if self.is_folder:
                self._write_folder(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                [content] = self.files.values()
                with replace_file(path) as file:
                    file.write(content)
        except OSError as error:
            raise OutputError(
                f"{path} cannot be written ({error.strerror or error}); free some space, or name "
                "another place with --output."
            ) from error
        return WrittenExport(
            path=path,
            format=self.format,
            bytes=self.size,
            figures=self.figures,
            discloses=self.discloses,
        )

    def _check_path(self, path: Path, force: bool) -> None:
        if not exists(path):
            return
        if is_dir(path) != self.is_folder:
            kind, other = ("a file", "a folder") if self.is_folder else ("a folder", "a file")
            raise OutputError(f"{path} is {kind}; name {other} with --output.")
        files = [path / name for name in self.files] if self.is_folder else [path]
        present = [file for file in files if exists(file)]
        if present and not force:
            raise OutputError(
                f"{present[0]} exists already; replace it with --force, or name another place with "
                "--output."
            )

    def _write_folder(self, path: Path) -> None:
        is_new = not exists(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            replace_files(path, self.files)
        except OSError:
            if is_new:
                with contextlib.suppress(OSError):
                    path.rmdir()
            raise


def format_size(count: int) -> str:
    """Format a number of bytes with two digits.

    >>> format_size(4_071_234), format_size(64_000_000), format_size(120_400)
    ('4.1 MB', '64 MB', '0.12 MB')
    """
    megabytes = count / 1e6
    return f"{megabytes:.{0 if megabytes >= 10 else 1 if megabytes >= 1 else 2}f} MB"
