"""Curves over a training run as one line of text, one block character a column."""

import math
from collections.abc import Sequence
from typing import Final

BLOCK_LEVELS: Final = "▁▂▃▄▅▆▇█"
ASCII_LEVELS: Final = "_.-=*#"
"""Heights for a terminal without block characters."""
MAX_COLUMNS: Final = 1000
"""Number of values that a curve stores; no drawing is wider."""


def sparkline(values: Sequence[float], low: float, high: float, levels: str = BLOCK_LEVELS) -> str:
    """Draw one character for each value.

    It is the first of ``levels`` at ``low`` and the last at ``high``. Values beyond the range are
    clipped, NaN is a space. If ``high`` is not above ``low``, all values have the middle level.

    >>> sparkline([1, 2, 3, float("nan"), 9], low=1, high=3)
    '▁▅█ █'
    """
    return "".join(_level_character(value, low, high, levels) for value in values)


def _level_character(value: float, low: float, high: float, levels: str) -> str:
    if math.isnan(value):
        return " "
    fraction = (value - low) / (high - low) if high > low else 0.5
    return levels[int(min(max(fraction, 0.0), 1.0) * (len(levels) - 1) + 0.5)]


def shared_range(*curves: Sequence[float]) -> tuple[float, float]:
    """Return the range (low, high) in which to draw curves of equal length.

    ``low`` is the lowest value. ``high`` ignores the first fifth of the columns that have values:
    the loss at the start is so high that it would flatten the rest. Both are NaN if there is no
    value.
    """
    columns = [[v for v in column if not math.isnan(v)] for column in zip(*curves, strict=True)]
    filled = [column for column in columns if column]
    late = [value for column in filled[len(filled) // 5 :] for value in column]
    if not late:
        return math.nan, math.nan
    return min(value for column in filled for value in column), max(late)


class Curve:
    """A metric over the progress of a run, from 0 to 1, in constant memory."""

    def __init__(self) -> None:
        self.latest = math.nan
        """The value added last; NaN if there is none."""
        self.best = math.inf
        """The lowest value; infinity if there is none."""
        self._values = [math.nan] * MAX_COLUMNS

    def add(self, progress: float, value: float) -> None:
        """Add the value at ``progress``; a slot stores the last value added to it."""
        self.latest = value
        self.best = min(self.best, value)
        self._values[_slot(progress)] = value

    def columns(self, width: int, progress: float) -> list[float]:
        """Return one value for each of ``width`` equal parts of the run.

        It is the last value in the part or, if there is none, before it. Parts before the first
        value and after ``progress`` are NaN.
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
