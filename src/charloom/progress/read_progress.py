"""The progress of reading the sources, as one line."""

import time
from collections.abc import Callable
from typing import Final

from charloom.formatting import format_duration

_BAR_COLUMNS: Final = 20


class ReadProgress:
    """Counts the bytes that are read; ``str`` describes progress, rate, time left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._read = 0
        self._total = 0

    def add(self, size: int, total: int) -> None:
        """Count ``size`` more bytes of ``total``."""
        # The time before the first bytes was not spent on reading.
        if not self._read:
            self._started = self._clock()
        self._read += size
        self._total = total

    def bar(self, *, plain: bool) -> str:
        """Draw the fraction that is read as a bar, in ASCII characters if ``plain``."""
        # A file that grows while it is read has more bytes than its total.
        done = _BAR_COLUMNS * self._read // max(self._total, self._read, 1)
        done_sign, todo_sign = ("#", "-") if plain else ("━", "─")
        return done_sign * done + todo_sign * (_BAR_COLUMNS - done)

    def __str__(self) -> str:
        seconds = self._clock() - self._started
        fraction = self._read / max(self._total, self._read, 1)
        text = f"reading, {fraction:.0%} of {self._total / 1e6:,.1f} MB"
        if seconds <= 0 or not self._read:
            return text
        left = format_duration(seconds * (1 / fraction - 1))
        return f"{text}, {self._read / 1e6 / seconds:,.1f} MB/s, {left} left"
