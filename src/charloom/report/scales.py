"""From figures to places in a picture, and the round figures that are written beside an axis.

Places are pixels of the picture's own coordinates, from the left or from the top.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Self


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
    """Places for the figures from ``low`` to ``high``, which become ``start`` and ``stop``."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    @classmethod
    def from_values(
        cls,
        values: Sequence[float],
        start: float,
        stop: float,
        *,
        logarithmic: bool = False,
        margin: float = 0.05,
    ) -> Self:
        """Return a scale that has all of ``values``, and a share of their range beyond them.

        Logarithmic scales are for values above zero.
        """
        low, high = min(values), max(values)
        if logarithmic:
            low, high = math.log10(low), math.log10(high)
        # Equal values stand in the middle.
        padding = margin * (high - low) if high > low else abs(high) / 10 or 1.0
        low, high = low - padding, high + padding
        if logarithmic:
            low, high = 10**low, 10**high
        return cls(low=low, high=high, start=start, stop=stop, logarithmic=logarithmic)

    def __call__(self, value: float) -> float:
        """Return the place of a figure.

        >>> Scale(low=1, high=100, start=0, stop=200, logarithmic=True)(10)
        100.0
        """
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (value - low) / (high - low) * (self.stop - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Return about so many round figures between ``low`` and ``high``.

        >>> Scale(low=2.31, high=3.62, start=0, stop=1).ticks()
        [2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6]
        >>> Scale(low=70_000, high=3_000_000, start=0, stop=1, logarithmic=True).ticks()
        [100000.0, 200000.0, 500000.0, 1000000.0, 2000000.0]
        """
        if self.logarithmic and (decades := self._decades()):
            return decades
        step = _round_step((self.high - self.low) / count)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [round(k * step, 12) for k in range(first, last + 1)]

    def _decades(self) -> list[float]:
        """Return 1, 2 and 5 of each power of ten, or the powers alone; none if they are too few."""
        least, most = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for multiples in ((1, 2, 5), (1,)):
            figures = [m * 10.0**power for power in range(least, most + 1) for m in multiples]
            inside = [figure for figure in figures if self.low <= figure <= self.high]
            if 2 <= len(inside) <= 7:
                return inside
        return []


def _round_step(step: float) -> float:
    """Return the nearest of 1, 2 and 5 times a power of ten that is not far below ``step``.

    >>> [_round_step(step) for step in (0.0018, 0.3, 7, 1200)]
    [0.002, 0.2, 5.0, 1000.0]
    """
    power = 10.0 ** math.floor(math.log10(step))
    nearest: float = min((1, 2, 5, 10), key=lambda m: abs(math.log(step / power / m)))
    return nearest * power


def axis_label(value: float) -> str:
    """Return a figure as it stands beside an axis.

    >>> [axis_label(figure) for figure in (0, 0.25, 2.4, 30.0, 1500, 200_000, 1e6, 2.5e6)]
    ['0', '0.25', '2.4', '30', '1,500', '200k', '1M', '2.5M']
    """
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * unit or (unit == 1e6 and abs(value) >= unit):
            return f"{value / unit:g}{name}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def spread_labels(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places for labels beside ``places``: at least ``gap`` apart, as near as can be.

    They stay between ``low`` and ``high`` where there is room.

    >>> spread_labels([10, 12, 50], gap=10, low=0, high=100)
    [6.0, 16.0, 50.0]
    """
    groups: list[tuple[float, list[int]]] = []  # the middle of each, and its members
    for index in sorted(range(len(positions)), key=positions.__getitem__):
        members = [index]
        while True:
            half = gap * (len(members) - 1) / 2
            middle = sum(positions[member] for member in members) / len(members)
            middle = max(min(middle, high - half), low + half)
            if (
                not groups
                or middle - groups[-1][0] >= gap * (len(groups[-1][1]) + len(members)) / 2
            ):
                break
            members = groups.pop()[1] + members
        groups.append((middle, members))
    spread = [0.0] * len(positions)
    for middle, members in groups:
        for k, index in enumerate(members):
            spread[index] = middle + gap * (k - (len(members) - 1) / 2)
    return spread
