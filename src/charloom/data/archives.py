"""Unpack the texts of zip and tar archives into a temporary folder."""

import atexit
import contextlib
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final, NamedTuple

from charloom.data.file_kinds import ZIP_MAGIC
from charloom.errors import SourceError
from charloom.formatting import format_bytes
from charloom.text.symbols import replace_surrogates

SUFFIXES: Final = (
    ".zip",
    ".tar",
    ".tar.gz",
    ".tar.bz2",
    ".tar.xz",
    ".tar.zst",
    ".tgz",
    ".tbz2",
    ".txz",
)
"""Ends of the names of archives."""
RESERVED_BYTES: Final = 1 << 28
"""Bytes of the disk that stay free."""
_COPY_BYTES: Final = 1 << 20
_DAMAGES: Final = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError)
"""Errors of a damaged archive; those of bz2 and lzma are OSError and LZMAError."""


class Member(NamedTuple):
    """An unpacked file of an archive."""

    name: str
    """Its path within the archive."""
    path: Path
    """Where it was unpacked."""


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive, by its name or its first bytes."""
    return path.name.lower().endswith(SUFFIXES) or _is_zip(path)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def unpack(path: Path, wanted: Callable[[PurePosixPath], bool]) -> list[Member]:
    """Unpack the wanted members of an archive, which are removed at exit.

    Hidden files and folders are left out. The members have the order of their names. Raises
    SourceError if the archive is damaged, locked by a password, or larger than the disk, and
    OSError if it cannot be read.
    """
    from lzma import LZMAError

    folder = Path(tempfile.mkdtemp(prefix="charloom-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    members: list[Member] = []
    try:
        for name, stream in _checked_members(path):
            inner = PurePosixPath(name)
            if not _is_visible(inner) or not wanted(inner):
                continue
            # The number keeps equal names of different folders apart.
            target = folder / f"{len(members)}{''.join(inner.suffixes[-2:])}"
            _copy(stream, target, path)
            members.append(Member(name, target))
    except (*_DAMAGES, LZMAError) as error:
        raise SourceError(
            f"{_name(path)} is damaged: {error}; a whole archive is needed; copy or pack it again."
        ) from error
    return sorted(members)


def _checked_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the members; errors that the libraries do not expect become TarError."""
    try:
        yield from _members(path)
    except (IndexError, KeyError, OverflowError, RuntimeError, TypeError, struct.error) as error:
        raise tarfile.TarError(str(error)) from error


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and content of each file in an archive, one open at a time."""
    if _is_zip(path) or path.suffix.lower() == ".zip":
        yield from _zip_members(path)
        return
    with contextlib.ExitStack() as stack:
        if path.suffix.lower() == ".zst":
            from charloom.data.zstd import zstd

            packed = stack.enter_context(zstd.open(path))
            archive = stack.enter_context(tarfile.open(fileobj=packed, mode="r|"))
        else:
            archive = stack.enter_context(tarfile.open(path, mode="r|*"))
        for entry in archive:
            stream = archive.extractfile(entry) if entry.isfile() else None
            if stream is not None:
                yield entry.name, stream


def _zip_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith("/"):  # a folder
                continue
            if entry.flag_bits & 1:
                raise SourceError(
                    f"{_name(path)} is locked by a password; an archive without one is needed; "
                    "unpack it first."
                )
            with contextlib.ExitStack() as stack:
                try:
                    stream = stack.enter_context(archive.open(entry))
                except NotImplementedError as error:
                    raise SourceError(
                        f"{_name(path)} is packed by a method that is not read: {error}; unpack it "
                        "first."
                    ) from error
                yield entry.filename, stream


def _copy(stream: IO[bytes], target: Path, archive: Path) -> None:
    """Copy a member; raises SourceError if the disk would be full."""
    size = 0
    with target.open("wb") as file:
        while block := stream.read(_COPY_BYTES):
            if shutil.disk_usage(target.parent).free < RESERVED_BYTES:
                raise SourceError(
                    f"{_name(archive)} does not fit into {tempfile.gettempdir()}: "
                    f"{format_bytes(size)} of one member were unpacked; free some space, or set "
                    "TMPDIR to a larger disk."
                )
            size += file.write(block)


def _is_visible(name: PurePosixPath) -> bool:
    hidden = (part.startswith(".") and part != ".." for part in name.parts)
    return not any(hidden) and "__MACOSX" not in name.parts


def _name(path: Path) -> str:
    return replace_surrogates(str(path))
