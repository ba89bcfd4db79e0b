"""A folder for compiled code, also where the package cannot be written."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import FunctionCache


def function_cache(function: Callable[..., Any]) -> FunctionCache | None:
    """Return Numba's cache of a function, or None if no folder can be written.

    The folder is the first that can be written: NUMBA_CACHE_DIR, the folder beside the module, the
    user's cache, CHARLOOM_CACHE, a private folder in the system's temporary folder.
    """
    try:
        return _cache(function)
    except RuntimeError:  # Numba's error if it has no folder
        for folder in _other_folders():
            config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
            try:
                return _cache(function)
            except RuntimeError:
                continue
    return None


def _cache(function: Callable[..., Any]) -> FunctionCache:
    return FunctionCache(function)  # type: ignore[no-untyped-call]


def _other_folders() -> Iterator[Path]:
    chosen = os.environ.get("CHARLOOM_CACHE")
    if chosen:
        yield Path(chosen, "compiled")
    temporary = _private_temporary_folder()
    if temporary is not None:
        yield temporary


def _private_temporary_folder() -> Path | None:
    """Return a folder that only this user can write: its code will be run."""
    user = getattr(os, "getuid", lambda: 0)()  # Windows has a folder for each user
    try:
        folder = Path(tempfile.gettempdir(), f"charloom-{user}")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_private = os.name == "nt" or (found.st_uid == user and not found.st_mode & 0o077)
    return folder if stat.S_ISDIR(found.st_mode) and is_private else None
