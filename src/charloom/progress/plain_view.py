"""The view of a training run for logs and pipes: plain lines, few of them."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from rich.text import Text

from charloom.events import STEP_SECONDS, Event, Sample, Step, Stopped, Throttle, Validation
from charloom.formatting import (
    escape_controls,
    format_count,
    format_duration,
    format_step,
    indent_continuation,
    sample_heading,
)
from charloom.progress.closed_output import tolerate_closed_stderr
from charloom.progress.plan_text import (
    describe_outcome,
    describe_plan,
    uniform_bits_per_character,
)
from charloom.progress.progress_panel import MARGIN
from charloom.progress.read_progress import ReadProgress

if TYPE_CHECKING:
    from charloom.runs.plan import Plan

MIN_LOG_SECONDS: Final = 10.0
"""Minimum time between two lines on the training loss, in seconds of training."""
MIN_LOG_FRACTION: Final = 0.02
"""Minimum fraction of the budget between two such lines, so that long runs print at most 50."""

_OVERFITTING_NOTE: Final = (
    "Overfitting: the training loss still falls, but the validation loss does not. The weights "
    "with the best validation loss are kept. More text helps; a larger --dropout may help."
)
_WORSE_THAN_UNIFORM_NOTE: Final = (
    "The best validation loss is worse than that of a uniform choice among the {:,} symbols: the "
    "network learned nothing. {}"
)
_MIN_STEPS: Final = 100
"""Fewer steps explain a poor network sooner than their size does."""
_MIN_SYMBOLS: Final = 2000
"""The same for fewer training symbols."""


class ProgressView:
    """Prints a run as plain lines on standard error; a context manager around the run.

    A view is a listener of events. It shows the same training steps as ``metrics.jsonl``. A run
    continues when standard error is closed; the view then prints nothing more.

    With ``library`` its last lines are calls instead of commands. Subclasses override
    ``write_line``, ``write_entry`` and the ``show_*`` methods.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, library: bool = False
    ) -> None:
        self._library = library
        self.interrupted = False
        """Whether the run was ended by Ctrl-C or another signal."""
        self._plan: Plan | None = None
        self._best = math.inf
        self._overfitting_noted = False
        self._step_throttle = Throttle(STEP_SECONDS)
        self._last_log = (0.0, 0.0)
        self._clock = clock
        self._read_progress = ReadProgress(clock)
        self._read_throttle = Throttle(MIN_LOG_SECONDS, last=clock())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""

    @tolerate_closed_stderr()
    def on_read(self, size: int, total: int) -> None:
        """Show the progress of reading: ``size`` more bytes of ``total``."""
        self._read_progress.add(size, total)
        if self._read_throttle.admit(self._clock()):
            self.write_line(Text(str(self._read_progress)))

    @tolerate_closed_stderr()
    def on_compile(self, notice: str) -> None:
        """Show the notice that code is compiled."""
        self.write_entry("note", Text(notice), "yellow")

    @tolerate_closed_stderr()
    def start(self, plan: Plan) -> None:
        """Show what the run will do."""
        self._plan = plan
        self._best = plan.best
        for heading, text in describe_plan(plan):
            self.write_entry(heading, Text(text), "bold")
        self.write_line(Text())

    @tolerate_closed_stderr()
    def __call__(self, event: Event) -> None:
        """Show an event of the run; events of other kinds are ignored."""
        match event:
            case Step():
                if self._step_throttle.admit(event.seconds):
                    self.show_step(event)
            case Validation():
                self.show_validation(event)
            case Sample():
                self.show_sample(event)
            case Stopped():
                self.show_outcome(event)

    def write_line(self, line: Text) -> None:
        """Write one line."""
        print(line.plain, file=sys.stderr, flush=True)

    def write_entry(self, heading: str, text: Text, style: str) -> None:
        """Write a text with a heading, which has the ``style``, in the left margin."""
        indent = max(MARGIN, len(heading)) + 2
        self.write_line(Text(f"{heading:>{MARGIN}}  {indent_continuation(text.plain, indent)}"))

    def show_step(self, event: Step) -> None:
        """Print the state of training, at most every ten seconds."""
        seconds, progress = self._last_log
        if (
            event.seconds - seconds >= MIN_LOG_SECONDS
            and event.progress - progress >= MIN_LOG_FRACTION
        ):
            self._last_log = event.seconds, event.progress
            self.write_entry(format_duration(event.seconds), Text(format_step(event)), "bold")

    def show_sample(self, event: Sample) -> None:
        """Print a text that the network generated."""
        self.write_entry(sample_heading(event), Text(escape_controls(event.text)), "cyan")

    def show_validation(self, event: Validation) -> None:
        """Print a validation loss, and one note if the network overfits."""
        previous = self._best
        if event.best:
            self._best = event.bits_per_character
        accepted = "" if event.accepted is None else f"{event.accepted:.0%} accepted, "
        text = Text.assemble(
            f"epoch {event.epoch}, validation ",
            (f"{event.bits_per_character:.3f} bits/char", "bold"),
            (f" {_training_loss(event)}, ", "dim"),
            accepted,
            ("best so far", "green") if event.best else (f"best {previous:.3f}", "dim"),
        )
        self.write_entry(format_duration(event.seconds), text, "bold")
        if event.overfitting and not self._overfitting_noted:
            self._overfitting_noted = True
            self.write_entry("note", Text(_OVERFITTING_NOTE, "yellow"), "yellow")

    def show_outcome(self, event: Stopped) -> None:
        """Print where the model was saved and which command to run next."""
        self.interrupted = event.reason == "interrupted"
        if self._plan is None:
            return
        bits = event.bits_per_character
        if bits is not None and bits > uniform_bits_per_character(self._plan):
            corpus = self._plan.corpus
            advice = _advice(corpus.training.total_symbols, event.step)
            note = _WORSE_THAN_UNIFORM_NOTE.format(len(corpus.vocabulary), advice)
            self.write_entry("note", Text(note), "yellow")
        lines = describe_outcome(self._plan, event, library=self._library)
        for line in [Text(), *lines] if lines else []:
            self.write_line(line)


class SilentView(ProgressView):
    """Prints nothing; for all data-parallel processes but the first."""

    def write_line(self, line: Text) -> None:
        """Write nothing."""


def _training_loss(event: Validation) -> str:
    loss = event.training_bits_per_character
    return "before training" if loss is None else f"(training {loss:.3f})"


def _advice(symbols: int, steps: int) -> str:
    """Return the likeliest remedy for a network that learned nothing."""
    if symbols < _MIN_SYMBOLS:
        return f"There are only {symbols:,} symbols to learn from: give more text."
    if steps < _MIN_STEPS:
        return f"It took {format_count(steps, 'step')} only: give it more --minutes or --steps."
    return "Try a smaller --lr."
