"""Files as arrays: memory-mapped, and let go of from time to time.

Pages of a mapped file that were looked at count as memory of the process until they are let go
of. They stay in the system's own cache, so looking at them again costs little.
"""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RELEASE_AFTER = 512
"""Places far from each other that may be looked at before pages are let go of: the system brings 16
pages for each, 32 MB in all."""


def map_file(path: Path, dtype: str) -> NDArray[Any]:
    """Return a file that is not empty as an array that cannot be written."""
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=dtype)


def release(*arrays: NDArray[Any]) -> None:
    """Let go of the pages of those arrays that ``mapped`` gave; nothing else changes."""
    for array in arrays:
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, memoryview):
            base = base.obj
        # Windows has no such call, and takes back pages by itself.
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)
