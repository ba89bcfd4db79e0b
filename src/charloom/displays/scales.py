"""The axes of a chart: positions of values, round ticks, labels without overlap.

Positions are pixels in the coordinates of the chart, from its left or from its top.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Self


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
    """A linear or logarithmic map of [``low``, ``high``] to [``start``, ``stop``]."""

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
        """Return a scale of all ``values``, extended at both ends.

        ``margin`` is the extension as a fraction of the range. Values of a logarithmic scale must
        be positive. A single value is in the middle.
        """
        low, high = min(values), max(values)
        if logarithmic:
            low, high = math.log10(low), math.log10(high)
        padding = margin * (high - low) if high > low else abs(high) / 10 or 1.0
        low, high = low - padding, high + padding
        if logarithmic:
            low, high = 10**low, 10**high
        return cls(low=low, high=high, start=start, stop=stop, logarithmic=logarithmic)

    def __call__(self, value: float) -> float:
        """Return the position of a value.

        >>> Scale(low=1, high=100, start=0, stop=200, logarithmic=True)(10)
        100.0
        """
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (value - low) / (high - low) * (self.stop - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Return about ``count`` round values between ``low`` and ``high``.

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
        """Return 1, 2 and 5 times powers of ten, or only powers; [] if too few fit."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for multiples in ((1, 2, 5), (1,)):
            values = [m * 10.0**power for power in range(first, last + 1) for m in multiples]
            inside = [value for value in values if self.low <= value <= self.high]
            if 2 <= len(inside) <= 7:
                return inside
        return []


def _round_step(step: float) -> float:
    """Return 1, 2 or 5 times a power of ten: the one nearest to ``step`` by ratio.

    >>> [_round_step(step) for step in (0.0018, 0.3, 7, 1200)]
    [0.002, 0.2, 5.0, 1000.0]
    """
    power = 10.0 ** math.floor(math.log10(step))
    nearest: float = min((1, 2, 5, 10), key=lambda m: abs(math.log(step / power / m)))
    return nearest * power


def axis_label(value: float) -> str:
    """Format a value beside an axis.

    >>> [axis_label(value) for value in (0, 0.25, 2.4, 30.0, 1500, 200_000, 1e6, 2.5e6)]
    ['0', '0.25', '2.4', '30', '1,500', '200k', '1M', '2.5M']
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:g}k"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def spread_labels(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels at least ``gap`` apart, as little as possible, in their order.

    Positions stay between ``low`` and ``high`` if there is enough space. Labels that would overlap
    are moved as a group around the mean of their positions.

    >>> spread_labels([10, 12, 50], gap=10, low=0, high=100)
    [6.0, 16.0, 50.0]
    """
    groups: list[tuple[float, list[int]]] = []  # the middle of each, and the indices of its labels
    for index in sorted(range(len(positions)), key=positions.__getitem__):
        members = [index]
        while True:
            half = gap * (len(members) - 1) / 2
            middle = sum(positions[member] for member in members) / len(members)
            middle = max(min(middle, high - half), low + half)
            if not groups:
                break
            previous, previous_members = groups[-1]
            if middle - previous >= gap * (len(previous_members) + len(members)) / 2:
                break
            groups.pop()
            members = previous_members + members
        groups.append((middle, members))
    spread = [0.0] * len(positions)
    for middle, members in groups:
        for k, index in enumerate(members):
            spread[index] = middle + gap * (k - (len(members) - 1) / 2)
    return spread
