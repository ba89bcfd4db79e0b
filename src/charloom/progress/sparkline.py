"""A curve in one line of text: values as blocks of eight heights, over the whole of a run."""

import math
from collections.abc import Sequence
from typing import Final

BLOCK_LEVELS: Final = "▁▂▃▄▅▆▇█"
ASCII_LEVELS: Final = "_.-=*#"
"""Heights for a terminal that has no blocks."""
MAX_COLUMNS: Final = 1000
"""Parts of a run of which a curve keeps one value each; no curve is wider."""


def sparkline(values: Sequence[float], low: float, high: float, levels: str = BLOCK_LEVELS) -> str:
    """Return one character for each value: the first level for ``low``, the last for ``high``.

    Values beyond are drawn as the nearest of the two, NaN as a space. If ``high`` is not above
    ``low``, all are equal and stand in the middle.
    """
    return "".join(_level_character(value, low, high, levels) for value in values)


def _level_character(value: float, low: float, high: float, levels: str) -> str:
    if math.isnan(value):
        return " "
    fraction = (value - low) / (high - low) if high > low else 0.5
    return levels[int(min(max(fraction, 0.0), 1.0) * (len(levels) - 1) + 0.5)]


def shared_range(*curves: Sequence[float]) -> tuple[float, float]:
    """Return the lowest value of all, and the highest after the first fifth of what there is.

    A network begins so badly that on a scale with room for it nothing else could be told apart.
    Both are NaN if there is no value.
    """
    values = [[v for v in column if not math.isnan(v)] for column in zip(*curves, strict=True)]
    known = [column for column in values if column]
    late = [v for column in known[len(known) // 5 :] for v in column]
    if not late:
        return math.nan, math.nan
    return min(v for column in known for v in column), max(late)


class Curve:
    """Values over a run, from its begin (0) to its end (1), however many they are."""

    def __init__(self) -> None:
        self.latest = math.nan
        """The value that was added last; NaN if there is none."""
        self.best = math.inf
        """The lowest value; infinity if there is none."""
        self._values = [math.nan] * MAX_COLUMNS

    def add(self, progress: float, value: float) -> None:
        """Add the value after the share ``progress`` of the run."""
        self.latest = value
        self.best = min(self.best, value)
        self._values[_slot(progress)] = value

    def columns(self, width: int, progress: float) -> list[float]:
        """Return the run in ``width`` parts: the last value of each, or that before it.

        Parts before the first value, and those after ``progress``, are NaN.
        """
        now = _slot(progress)
        columns: list[float] = []
        last = math.nan
        for column in range(width):
            begin, end = (k * MAX_COLUMNS // width for k in (column, column + 1))
            for value in self._values[begin:end]:
                last = last if math.isnan(value) else value
            columns.append(last if begin <= now else math.nan)
        return columns


def _slot(progress: float) -> int:
    return min(int(progress * MAX_COLUMNS), MAX_COLUMNS - 1)
