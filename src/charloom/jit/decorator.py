"""Compile functions with Numba, and load compiled ones from its cache on disk.

Numba keeps compiled code by the text of the file of the compiled function. After a change in a file
whose functions are inlined elsewhere, delete the folders ``__pycache__`` of the callers.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
from numba.core.runtime.nrt import rtsys

from charloom.jit.cache import function_cache
from charloom.jit.intrinsic import IS_COMPILED
from charloom.jit.notice import EACH_TIME, FIRST_TIME, announce


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function, with options of ``numba.njit``.

    Compiled code is cached on disk, runs without the global interpreter lock, and divides by zero
    as NumPy does.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if not IS_COMPILED:
            return np.errstate(all="ignore")(function)  # as compiled code does
        dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
        dispatcher._cache = _Cache(function)  # ``cache=True`` sets Numba's own
        return dispatcher

    return decorate


class _Cache:
    """Numba's cache of one function on disk, quicker to use, with a notice of misses.

    It has the methods that Numba's dispatcher calls.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    @functools.cached_property
    def _files(self) -> Any:
        """Numba's cache or None.

        It is made when it is needed, since it writes a file to find a folder.
        """
        return function_cache(self._function)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return compiled code for a signature, or None before it is compiled."""
        if self._files is None:
            announce(EACH_TIME)
            return None
        with _without_compiler(target_context):
            found = self._files.load_overload(sig, target_context)
        if found is None:
            announce(FIRST_TIME)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write compiled code for a signature, if there is room for it."""
        if self._files is not None:
            with contextlib.suppress(OSError):
                self._files.save_overload(sig, data)

    def flush(self) -> None:
        """Remove all compiled code of the function."""
        if self._files is not None:
            self._files.flush()

    @property
    def cache_path(self) -> str | None:
        """The folder of the files."""
        return None if self._files is None else str(self._files.cache_path)


@contextlib.contextmanager
def _without_compiler(target_context: Any) -> Iterator[None]:
    """Initialize only Numba's runtime instead of its whole compiler.

    The compiler takes 0.2 s, and Numba initializes it before it compiles. Numba loads from its
    cache under a lock.
    """
    target_context.refresh = lambda: rtsys.initialize(target_context)
    try:
        yield
    finally:
        del target_context.refresh
