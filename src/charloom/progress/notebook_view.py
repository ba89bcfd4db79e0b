"""The view of a training run for notebooks: one display that is updated in place."""

from __future__ import annotations

import importlib
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from rich.text import Text

from charloom.displays.loss_curve import loss_curve
from charloom.displays.panel import Panel
from charloom.events import Sample, Step, Stopped, Throttle, Validation
from charloom.formatting import (
    format_count,
    format_duration,
    format_memory,
    format_percent,
    format_rate,
    format_time_left,
)
from charloom.progress.plain_view import ProgressView
from charloom.progress.plan_text import describe_plan

if TYPE_CHECKING:
    from charloom.runs.plan import Plan

MIN_UPDATE_SECONDS: Final = 0.5
"""Minimum time between two updates of the display; the last one is always made."""
SLOTS: Final = 150
"""Number of points that a curve stores."""

Bundle = Mapping[str, str]
"""A display by MIME type."""


class Notebook(Protocol):
    """The output area of a notebook's cell."""

    def display(self, data: Bundle, *, raw: bool) -> None:
        """Show a display for the first time."""
        ...

    def update(self, data: Bundle, *, raw: bool) -> None:
        """Replace that display."""
        ...


def find_notebook() -> Notebook | None:
    """Return the output area of the notebook that this code runs in, if any.

    Jupyter, VS Code and Colab run code in an IPython shell with a kernel. IPython is loaded there
    already, so it is not imported anywhere else.
    """
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = None if get_shell is None else get_shell()
    if getattr(shell, "kernel", None) is None:
        return None
    handle: Notebook = importlib.import_module("IPython.display").DisplayHandle()
    return handle


class NotebookView(ProgressView):
    """Shows a run as one display of a notebook; its last state remains there.

    It takes events of any thread. A display that fails does not stop the run.
    """

    def __init__(self, notebook: Notebook, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock, library=True)
        self._notebook: Notebook | None = notebook
        self._is_shown = False
        self._throttle = Throttle(MIN_UPDATE_SECONDS, last=clock())
        self._lock = threading.Lock()
        self._title, self._subtitle = "Preparing", ""
        self._progress: float | None = None
        self._details: tuple[tuple[str, str], ...] = ()
        self._notes: list[str] = []
        self._outcome: list[str] = []
        self._training, self._validation = _Curve(), _Curve()
        self._speed = ""
        self._epoch = 1
        self._samples: list[Sample] = []

    def __exit__(self, *error: object) -> None:
        """Show the last state; that of a run that failed has the name of its error."""
        kind = error[0] if error else None
        if isinstance(kind, type) and self._is_shown:
            self._title, self._subtitle, self._progress = "Stopped", f"by {kind.__name__}", None
            self._show()

    def on_read(self, size: int, total: int) -> None:
        """Show the progress of reading: ``size`` more bytes of ``total``."""
        self._read_progress.add(size, total)
        self._subtitle = str(self._read_progress)
        self._show_if_due()

    def on_compile(self, notice: str) -> None:
        """Show the notice that code is compiled, until the next step."""
        self._subtitle = notice
        self._show()

    def start(self, plan: Plan) -> None:
        """Show what the run will do, collapsed."""
        self._title, self._progress = "Training", 0.0
        self._details = tuple(row for row in describe_plan(plan) if row[0] != "note")
        super().start(plan)
        self._show()

    def write_line(self, line: Text) -> None:
        """Add one of the last lines of the run."""
        if line.plain:
            self._outcome.append(line.plain)

    def write_entry(self, heading: str, text: Text, style: str) -> None:
        """Add a note; all else is shown by other means."""
        if heading == "note":
            self._notes.append(text.plain)

    def show_step(self, event: Step) -> None:
        """Update progress, training loss and speed."""
        self._training.add(event.progress, event.bits_per_character)
        self._progress, self._epoch = event.progress, event.epoch
        self._subtitle = (
            f"{format_percent(event.progress)}, epoch {event.epoch}, {format_time_left(event)} left"
        )
        rate = format_rate(event.characters_per_second)
        self._speed = f"{rate} characters per second, {format_memory(event)}"
        self._show_if_due()

    def show_validation(self, event: Validation) -> None:
        """Update both losses; samples of earlier weights are removed."""
        if event.training_bits_per_character is not None:
            self._training.add(event.progress, event.training_bits_per_character)
        self._validation.add(event.progress, event.bits_per_character)
        self._epoch = event.epoch
        self._samples = []
        super().show_validation(event)

    def show_sample(self, event: Sample) -> None:
        """Add a sample of the current weights."""
        self._samples.append(event)
        self._show_if_due()

    def show_outcome(self, event: Stopped) -> None:
        """Show the outcome of the run: the last state of the display."""
        super().show_outcome(event)
        self._title = "Interrupted" if self.interrupted else "Trained"
        duration, steps = format_duration(event.seconds), format_count(event.step, "step")
        self._subtitle = f"{duration}, epoch {self._epoch}, {steps}"
        self._progress = None
        self._show()

    def _panel(self) -> Panel:
        losses = [("validation", self._validation), ("training", self._training)]
        facts = [(name, curve.describe()) for name, curve in losses if curve.points]
        speed = [("speed", self._speed)] if self._speed else []
        return Panel(
            title=self._title,
            subtitle=self._subtitle,
            progress=self._progress,
            facts=(*facts, *speed),
            curve=loss_curve(
                [*self._training.points.values()], [*self._validation.points.values()], x_max=1.0
            ),
            samples=tuple(self._samples),
            notes=(*self._notes, *self._outcome),
            details=self._details,
        )

    def _show_if_due(self) -> None:
        if self._throttle.admit(self._clock()):
            self._show()

    def _show(self) -> None:
        """Show the current state, in the display that is there already if there is one."""
        with self._lock:
            if self._notebook is None:
                return
            bundle = self._panel().bundle()
            try:
                if self._is_shown:
                    self._notebook.update(bundle, raw=True)
                else:
                    self._notebook.display(bundle, raw=True)
            except Exception:
                # The display is code of others, and hours of training are worth more than it.
                self._notebook = None
            self._is_shown = True
            self._throttle.last = self._clock()


class _Curve:
    """A loss over the progress of a run, in constant memory."""

    def __init__(self) -> None:
        self.points: dict[int, tuple[float, float]] = {}
        """The last point of each of ``SLOTS`` equal parts of the run."""
        self._best = math.inf
        self._latest = math.nan

    def add(self, progress: float, bits: float) -> None:
        """Add a loss; progress does not decrease."""
        self._latest, self._best = bits, min(bits, self._best)
        self.points[int(progress * SLOTS)] = progress, bits

    def describe(self) -> str:
        """Return the latest loss and the lowest one."""
        return f"{self._latest:.3f} bits per character, best {self._best:.3f}"
