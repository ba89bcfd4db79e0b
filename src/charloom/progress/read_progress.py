"""How far the reading of the sources has come, in one line."""

import time
from collections.abc import Callable
from typing import Final

from charloom.formatting import format_duration

_BAR_COLUMNS: Final = 20
"""Characters of the bar."""


class ReadProgress:
    """Counts the bytes that are read and tells of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._read = 0
        self._total = 0

    def add(self, size: int, total: int) -> None:
        """Count ``size`` more bytes of ``total``."""
        # The first call tells that reading has begun: what came before was not reading.
        if not self._read:
            self._began = self._clock()
        self._read += size
        self._total = total

    def bar(self, *, plain: bool) -> str:
        """Return the share that is read as a bar, of ASCII alone if ``plain``."""
        full = _BAR_COLUMNS * self._read // max(self._total, self._read, 1)
        full_sign, empty_sign = ("#", "-") if plain else ("\u2501", "\u2500")
        return full_sign * full + empty_sign * (_BAR_COLUMNS - full)

    def __str__(self) -> str:
        seconds = self._clock() - self._began
        fraction = self._read / max(self._total, self._read, 1)
        text = f"reading, {fraction:.0%} of {self._total / 1e6:,.1f} MB"
        if seconds <= 0 or not self._read:
            return text
        left = seconds * (1 / fraction - 1)
        return f"{text}, {self._read / 1e6 / seconds:,.1f} MB/s, {format_duration(left)} left"
