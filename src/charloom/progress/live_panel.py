"""What a terminal shows of a run while it learns: a bar, the figures, and both curves.

      47 %  ━━━━━━━━━━━━━━━━──────────────────  1:02 left, epoch 6
  training  ██▇▆▅▄▄▃▃▃▂▂▂▂▁▁                    2.159 bits/char, best 2.150
validation     █▆▅▄▃▃▂▂▂▂▂▂▂                    2.443 bits/char, best 2.443
            23k char/s, 412 MB  ▁ 2.15  █ 2.98  Ctrl-C: stop and keep

The bar and the curves are as long as the run, so they grow to the right together; the curves have
one scale, whose ends stand below.
"""

import math
from typing import Final

from rich.text import Text

from charloom.events import Step, Validation
from charloom.formatting import format_memory, format_percent, format_rate, format_time_left
from charloom.progress.sparkline import ASCII_LEVELS, BLOCK_LEVELS, Curve, shared_range, sparkline

MARGIN: Final = 10
"""Columns of what stands before a text: a name, a time, a temperature."""
HINTS: Final = ("Ctrl-C: stop and keep",)
"""What a person at the terminal can do, the most useful first; as many as have room are shown."""
_GAP: Final = "  "
_UNIT: Final = " bits/char"
_METRIC_COLUMNS: Final = len(f"99.999{_UNIT}, best 99.999")
"""Columns of the figures beside a curve."""
_MAX_CURVE_COLUMNS: Final = 100
"""Columns of a curve: a longer one says no more, and the eye has to travel."""
_MIN_CURVE_COLUMNS_WITH_UNIT: Final = 24
"""Columns of a curve that the figures are shortened for."""
_MIN_CURVE_COLUMNS: Final = 12


class ProgressPanel:
    """Remembers the figures of a run, and draws them in some lines."""

    def __init__(self, *, blocks: bool) -> None:
        self._levels = BLOCK_LEVELS if blocks else ASCII_LEVELS
        self._done_sign, self._todo_sign = ("━", "─") if blocks else ("=", "-")
        self._training = Curve()
        self._validation = Curve()
        self._last_step: Step | None = None
        self._progress = 0.0

    def add_step(self, event: Step) -> None:
        """Remember the figures of a step."""
        self._last_step = event
        self._progress = event.progress
        self._training.add(event.progress, event.bits_per_character)

    def add_validation(self, event: Validation) -> None:
        """Remember a validation figure."""
        self._progress = max(self._progress, event.progress)
        self._validation.add(event.progress, event.bits_per_character)

    def draw(self, columns: int, rows: int) -> list[Text]:
        """Return the lines for a terminal of this size; few rows get the first line alone."""
        available = columns - MARGIN - 2 * len(_GAP)
        unit = _UNIT if available - _METRIC_COLUMNS >= _MIN_CURVE_COLUMNS_WITH_UNIT else ""
        metric_columns = _METRIC_COLUMNS if unit else _METRIC_COLUMNS - len(_UNIT)
        width = min(max(available - metric_columns, _MIN_CURVE_COLUMNS), _MAX_CURVE_COLUMNS)
        training, validation = (
            curve.columns(width, self._progress) for curve in (self._training, self._validation)
        )
        low, high = shared_range(training, validation)
        curves = (
            ("training", training, "cyan", self._training),
            ("validation", validation, "magenta", self._validation),
        )
        lines = [
            self._bar(width, columns),
            *(
                _line(
                    name,
                    Text(sparkline(values, low, high, self._levels), style),
                    _latest_and_best(curve, unit),
                )
                for name, values, style, curve in curves
            ),
            self._bottom(columns, low, high),
        ]
        return lines if rows > 2 * len(lines) else lines[:1]

    def _bar(self, width: int, columns: int) -> Text:
        """Return the bar, the time left, and the epoch if it has room."""
        done = int(self._progress * width)
        bar = Text.assemble(
            (self._done_sign * done, "green"), (self._todo_sign * (width - done), "dim")
        )
        event = self._last_step
        if event is None:
            return _line(format_percent(self._progress), bar, "")
        line = _line(format_percent(self._progress), bar, f"{format_time_left(event)} left")
        epoch = f", epoch {event.epoch}"
        return line.append(epoch) if line.cell_len + len(epoch) <= columns else line

    def _bottom(self, columns: int, low: float, high: float) -> Text:
        """Return rate and memory, then as much of what is less urgent as has room."""
        line = Text(" " * MARGIN)
        if self._last_step is not None:
            rate = f"{format_rate(self._last_step.characters_per_second)} char/s"
            line.append(f"{_GAP}{rate}, {format_memory(self._last_step)}")
        ends = f"{self._levels[0]} {low:.2f}{_GAP}{self._levels[-1]} {high:.2f}"
        for part in ([] if math.isnan(low) else [ends]) + list(HINTS):
            if line.cell_len + len(_GAP) + len(part) <= columns:
                line.append(_GAP + part, "dim")
        return line


def _latest_and_best(curve: Curve, unit: str) -> str:
    """Return the latest value of a curve and the best one."""
    if math.isnan(curve.latest):
        return "not yet measured"
    return f"{curve.latest:.3f}{unit}, best {curve.best:.3f}"


def _line(name: str, graph: Text, values: str) -> Text:
    return Text.assemble((f"{name:>{MARGIN}}", "bold"), _GAP, graph, _GAP, values)
