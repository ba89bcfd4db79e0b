"""Memory use of a run, and a setting of the allocator."""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from charloom.events import STEP_SECONDS, Throttle


class MemoryMeter:
    """The memory use of this process, measured at most once in ``STEP_SECONDS``."""

    def __init__(self, device_bytes: Callable[[], int | None]) -> None:
        self._device_bytes = device_bytes
        self._throttle = Throttle(STEP_SECONDS)
        self.process_bytes = 0
        """The resident set of the process."""
        self.device_bytes: int | None = None
        """Memory in use on the GPU; None on the CPU."""

    def update(self, seconds: float) -> None:
        """Measure, unless the last measurement is too recent at ``seconds`` of training."""
        if self._throttle.admit(seconds):
            self.process_bytes = _resident_bytes()
            self.device_bytes = self._device_bytes()


def _resident_bytes() -> int:
    """Return the resident set of this process."""
    try:
        # See https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html.
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:
        import psutil  # takes 20 ms, so not on Linux

        return int(psutil.Process().memory_info().rss)
    return pages * os.sysconf("SC_PAGE_SIZE")


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
