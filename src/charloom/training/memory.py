"""Memory use of a run, and a setting of the allocator."""

import ctypes
import sys
from collections.abc import Callable
from typing import Final

import psutil

from charloom.events import STEP_SECONDS, Throttle


class MemoryMeter:
    """The memory use of this process, measured at most once in ``STEP_SECONDS``."""

    def __init__(self, device_bytes: Callable[[], int | None]) -> None:
        self._device_bytes = device_bytes
        self._process = psutil.Process()
        self._throttle = Throttle(STEP_SECONDS)
        self.process_bytes = 0
        """The resident set of the process."""
        self.device_bytes: int | None = None
        """Memory in use on the GPU; None on the CPU."""

    def update(self, seconds: float) -> None:
        """Measure, unless the last measurement is too recent at ``seconds`` of training."""
        if self._throttle.admit(seconds):
            self.process_bytes = int(self._process.memory_info().rss)
            self.device_bytes = self._device_bytes()


# Parameters of mallopt, from glibc's malloc.h.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_TRIM_BYTES: Final = 1 << 26
_MMAP_BYTES: Final = 1 << 25  # the largest value that glibc accepts


def keep_freed_memory() -> None:
    """Configure glibc to keep freed memory in the process.

    Does nothing with another C library. Every step frees some megabytes and allocates them again.
    If they are returned to the system in between, each page costs a page fault: a sixth of the time
    of a step for a small network. See https://man7.org/linux/man-pages/man3/mallopt.3.html.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
        library.mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
