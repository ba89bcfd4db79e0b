"""Check for files and write them: with errors reported, atomically and durably.

From Python 3.14 on, ``Path.exists``, ``is_file`` and ``is_dir`` return False where older versions
raise an OSError: a name that is too long, or a folder that may not be searched. The checks in this
module raise on every version, so that messages can name the reason.

A write is atomic and durable in four steps: write another file, fsync it, rename it over the old
one, fsync the directory. After a crash or a power failure the old or the new content is there.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

_NOT_FOUND: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP})
_NOT_FOUND_WINDOWS: Final = frozenset({21, 123, 1921})
"""Device not ready, invalid name, unresolvable symbolic link."""
_DISK_ERRORS: Final = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT})


def exists(path: Path) -> bool:
    """Return whether ``path`` leads to anything.

    Raises OSError if that cannot be determined.
    """
    return _mode(path) is not None


def is_file(path: Path) -> bool:
    """Return whether ``path`` leads to a regular file; raises OSError like ``exists``."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def is_dir(path: Path) -> bool:
    """Return whether ``path`` leads to a directory; raises OSError like ``exists``."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def _mode(path: Path) -> int | None:
    """Return the mode bits of a file or directory, None if there is none."""
    try:
        return path.stat().st_mode
    except OSError as error:
        if error.errno in _NOT_FOUND or getattr(error, "winerror", None) in _NOT_FOUND_WINDOWS:
            return None
        raise
    except ValueError:  # a NUL in the name
        return None


def write_file(path: Path, content: bytes) -> None:
    """Write ``content`` to the file ``path`` and fsync it; not atomic. Raises OSError."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def fsync_directory(folder: Path) -> None:
    """Make new, renamed and removed names in ``folder`` survive a power failure.

    Does nothing where the system cannot do so: Windows opens no directories, and some network file
    systems refuse to fsync them. Raises OSError if the disk fails or is full.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise
    finally:
        os.close(descriptor)


def follow_link(path: Path) -> Path:
    """Return the target of a symbolic link, which may be missing; else ``path``."""
    try:
        return Path(os.path.realpath(path)) if path.is_symlink() else path
    except OSError:  # reported when the path is used
        return path


def partial_name(name: str) -> str:
    """Return the name under which the file ``name`` is written before it is renamed."""
    return f".{name}.partial"


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file that replaces ``path`` when the context ends.

    It is written under a name that no other process uses. After an error in the context, ``path``
    is unchanged and the new file is removed. Raises OSError.
    """
    partial = path.with_name(partial_name(f"{path.name}.{os.urandom(4).hex()}"))
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        fsync_directory(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def replace_files(folder: Path, contents: Mapping[str, bytes], suffix: str = "") -> None:
    """Replace the files of ``folder`` that are named by ``contents``.

    All are written under other names first, then renamed in order, so each file has its old or its
    new content at every moment. Processes that write the same files at the same time need
    different ``suffix`` values. Raises OSError; no partial file is left.
    """
    partial = {name: folder / partial_name(f"{name}{suffix}") for name in contents}
    try:
        for name, content in contents.items():
            write_file(partial[name], content)
        for name in contents:
            partial[name].replace(folder / name)
        fsync_directory(folder)
    finally:
        for path in partial.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
