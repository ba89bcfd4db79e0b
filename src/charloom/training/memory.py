"""How much memory a run holds: that of the process, and that of its GPU; and what it keeps."""

import ctypes
import sys
from typing import Final

import psutil
import torch

from charloom.events import STEP_SECONDS, Throttle


class MemoryMeter:
    """What was held when it was last measured, in bytes; measuring costs too much for each step."""

    def __init__(self, device: torch.device) -> None:
        self._of = device
        self._own = psutil.Process()
        self._due = Throttle(STEP_SECONDS)
        self.process_bytes = 0
        """The resident set of the process."""
        self.device_bytes: int | None = None
        """What the process has reserved on the GPU; None: it computes on the CPU."""

    def update(self, seconds: float) -> None:
        """Measure, unless it was done less than half a second of training before ``seconds``."""
        if self._due.admit(seconds):
            self.process_bytes = int(self._own.memory_info().rss)
            self.device_bytes = _reserved(self._of)


def _reserved(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    return None


_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def keep_freed_memory() -> None:
    """Let the C library keep memory that is freed, if it is glibc (mallopt in its manual).

    Every step frees some megabytes, and takes as many. Where they go back to the system in between,
    each page of them costs a fault: a sixth of a step, where networks are small.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_TRIM_THRESHOLD, 1 << 26)
        library.mallopt(_M_MMAP_THRESHOLD, 1 << 25)  # the most that it takes
