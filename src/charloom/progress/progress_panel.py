"""The lines pinned to a terminal during training: progress, metrics, loss curves.

      47 %  ━━━━━━━━━━━━━━━━──────────────────  1:02 left, epoch 6
  training  ██▇▆▅▄▄▃▃▃▂▂▂▂▁▁                    2.159 bits/char, best 2.150
validation     █▆▅▄▃▃▂▂▂▂▂▂▂                    2.443 bits/char, best 2.443
            23k char/s, 412 MB  ▁ 2.15  █ 2.98  Ctrl-C: stop and keep

The full width of the bar and of the curves is the whole run, so they grow to the right together.
Both curves have the same scale; the last line shows its ends.
"""

import math
from typing import Final

from rich.text import Text

from charloom.events import Step, Validation
from charloom.formatting import format_memory, format_percent, format_rate, format_time_left
from charloom.progress.sparkline import ASCII_LEVELS, BLOCK_LEVELS, Curve, shared_range, sparkline

MARGIN: Final = 10
"""Columns of the heading of a line: a name, a time, a temperature."""
HINTS: Final = ("Ctrl-C: stop and keep",)
"""Keys for the user, most useful first; as many are shown as fit."""
_GAP: Final = "  "
_UNIT: Final = " bits/char"
_METRIC_COLUMNS: Final = len(f"99.999{_UNIT}, best 99.999")
_MAX_CURVE_COLUMNS: Final = 100
"""A longer curve shows no more detail, and is harder to read."""
_MIN_CURVE_COLUMNS_WITH_UNIT: Final = 24
"""Where the curve would be shorter, the unit beside it is left out."""
_MIN_CURVE_COLUMNS: Final = 12


class ProgressPanel:
    """Records the metrics of a run and draws them as four lines."""

    def __init__(self, *, blocks: bool) -> None:
        self._levels = BLOCK_LEVELS if blocks else ASCII_LEVELS
        self._done_sign, self._todo_sign = ("━", "─") if blocks else ("=", "-")
        self._training = Curve()
        self._validation = Curve()
        self._last_step: Step | None = None
        self._progress = 0.0

    def add_step(self, event: Step) -> None:
        """Record the metrics of a training step."""
        self._last_step = event
        self._progress = event.progress
        self._training.add(event.progress, event.bits_per_character)

    def add_validation(self, event: Validation) -> None:
        """Record a validation loss."""
        self._progress = max(self._progress, event.progress)
        self._validation.add(event.progress, event.bits_per_character)

    def draw(self, columns: int, rows: int) -> list[Text]:
        """Return the lines for a terminal of this size; only the first for few rows."""
        available = columns - MARGIN - 2 * len(_GAP)
        with_unit = available - _METRIC_COLUMNS >= _MIN_CURVE_COLUMNS_WITH_UNIT
        unit = _UNIT if with_unit else ""
        width = available - _METRIC_COLUMNS + len(_UNIT) - len(unit)
        width = min(max(width, _MIN_CURVE_COLUMNS), _MAX_CURVE_COLUMNS)
        training = self._training.columns(width, self._progress)
        validation = self._validation.columns(width, self._progress)
        low, high = shared_range(training, validation)

        def graph(values: list[float], color: str) -> Text:
            return Text(sparkline(values, low, high, self._levels), color)

        lines = [
            self._bar(width, columns),
            _line("training", graph(training, "cyan"), _metrics(self._training, unit)),
            _line("validation", graph(validation, "magenta"), _metrics(self._validation, unit)),
            self._bottom(columns, low, high),
        ]
        return lines if rows > 2 * len(lines) else lines[:1]

    def _bar(self, width: int, columns: int) -> Text:
        """Return the progress bar with the time left, and with the epoch if that fits."""
        done = int(self._progress * width)
        bar = Text.assemble(
            (self._done_sign * done, "green"), (self._todo_sign * (width - done), "dim")
        )
        heading = format_percent(self._progress)
        event = self._last_step
        if event is None:
            return _line(heading, bar, "")
        line = _line(heading, bar, f"{format_time_left(event)} left")
        epoch = f", epoch {event.epoch}"
        return line.append(epoch) if line.cell_len + len(epoch) <= columns else line

    def _bottom(self, columns: int, low: float, high: float) -> Text:
        """Return throughput and memory; the ends of the scale and hints, if they fit."""
        line = Text(" " * MARGIN)
        if self._last_step is not None:
            rate = f"{format_rate(self._last_step.characters_per_second)} char/s"
            line.append(f"{_GAP}{rate}, {format_memory(self._last_step)}")
        ends = f"{self._levels[0]} {low:.2f}{_GAP}{self._levels[-1]} {high:.2f}"
        for text in ([] if math.isnan(low) else [ends]) + list(HINTS):
            if line.cell_len + len(_GAP) + len(text) <= columns:
                line.append(_GAP + text, "dim")
        return line


def _metrics(curve: Curve, unit: str) -> str:
    if math.isnan(curve.latest):
        return "not yet measured"
    return f"{curve.latest:.3f}{unit}, best {curve.best:.3f}"


def _line(heading: str, graph: Text, metrics: str) -> Text:
    return Text.assemble((f"{heading:>{MARGIN}}", "bold"), _GAP, graph, _GAP, metrics)
