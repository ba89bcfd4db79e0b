"""Memory-mapped files as read-only arrays, and the release of their pages.

Pages of a mapped file that were read count as memory of the process until they are released. They
stay in the system's page cache, so reading them again is cheap.
"""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RELEASE_AFTER = 512
"""Random reads after which to release pages: Linux maps 16 pages (64 KiB) around each, 32 MiB in
all."""


def map_file(path: Path, dtype: str) -> NDArray[Any]:
    """Return the content of a file as a read-only array.

    Raises ValueError if it is empty, OSError if it cannot be opened.
    """
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=dtype)


def release(*arrays: NDArray[Any]) -> None:
    """Release the pages of arrays of ``map_file``, or of views; ignore others."""
    for array in arrays:
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, memoryview):
            base = base.obj
        # Windows has no such call, and takes pages back on its own.
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)
