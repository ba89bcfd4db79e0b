"""How much memory a run holds: that of the process, and that of its GPU."""

import psutil
import torch

from charloom.events import STEP_SECONDS, Interval


class Memory:
    """What was held when it was last measured, in bytes; measuring costs too much for each step."""

    def __init__(self, device: torch.device) -> None:
        self._of = device
        self._own = psutil.Process()
        self._due = Interval(STEP_SECONDS)
        self.process = 0
        """The resident set of the process."""
        self.device: int | None = None
        """What the process has reserved on the GPU; None: it computes on the CPU."""

    def measure(self, seconds: float) -> None:
        """Measure, unless it was done less than half a second of training before ``seconds``."""
        if self._due.due(seconds):
            self.process = int(self._own.memory_info().rss)
            self.device = _reserved(self._of)


def _reserved(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    return None
