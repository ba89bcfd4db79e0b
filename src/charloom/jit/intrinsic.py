"""Own LLVM instructions for compiled code, or Python functions without a compiler.

NUMBA_DISABLE_JIT=1 disables compilation, for debugging.
"""

from collections.abc import Callable
from typing import Any, Final

import numba
from numba import extending

IS_COMPILED: Final = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
"""Whether functions are compiled; else they are plain Python."""


def intrinsic(define: Callable[..., Any], python: Callable[..., Any]) -> Any:
    """Return the intrinsic of ``define``, or ``python`` if nothing is compiled.

    ``define`` is an argument of ``numba.extending.intrinsic``; ``python`` has the same arguments
    without the context, and the same effect.
    """
    return extending.intrinsic(define) if IS_COMPILED else python
