"""Arrays that begin at the beginning of a line of a cache.

NumPy guarantees 16 bytes, Numba 32. A vector that straddles two lines takes two loads.
"""

from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

CACHE_LINE_BYTES: Final = 64

Number = TypeVar("Number", np.float32, np.uint32)


def aligned_zeros(shape: int | tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
    """Return zeros, aligned to a cache line."""
    nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.zeros(nbytes + CACHE_LINE_BYTES, np.uint8)
    first = -buffer.ctypes.data % CACHE_LINE_BYTES
    zeros: NDArray[Any] = buffer[first : first + nbytes].view(dtype).reshape(shape)
    return zeros


def align(array: NDArray[Number]) -> NDArray[Number]:
    """Return a contiguous copy aligned to a cache line."""
    result = aligned_zeros(array.shape, array.dtype)
    result[...] = array
    return result
