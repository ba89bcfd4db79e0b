"""The cache folder: named corpora, encoded texts and digests of files.

Everything in it can be made again.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Final

import platformdirs

from charloom.errors import OutputError

_TEMPORARY: Final[ContextVar[Path | None]] = ContextVar("temporary cache", default=None)


def cache_root() -> Path:
    """Return the cache folder of this user, or that of ``temporary_cache``.

    The environment variable ``CHARLOOM_CACHE`` replaces the default of the system.
    """
    temporary = temporary_cache_root()
    if temporary is not None:
        return temporary
    chosen = os.environ.get("CHARLOOM_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("charloom"))


def temporary_cache_root() -> Path | None:
    """Return the folder of ``temporary_cache``, None outside of its context."""
    return _TEMPORARY.get()


@contextlib.contextmanager
def temporary_cache() -> Iterator[None]:
    """Use an empty cache folder within this context and thread, and remove it.

    Windows does not remove files that are still mapped into memory; they remain in its folder for
    temporary files. Raises OutputError if the folder cannot be made.
    """
    try:
        temporary = tempfile.TemporaryDirectory(prefix="charloom-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(
            f"a temporary cache cannot be made in {tempfile.gettempdir()} "
            f"({error.strerror or error}): free some space, or set TMPDIR to a folder that can be "
            "written."
        ) from error
    with temporary as folder:
        token = _TEMPORARY.set(Path(folder))
        try:
            yield
        finally:
            _TEMPORARY.reset(token)
