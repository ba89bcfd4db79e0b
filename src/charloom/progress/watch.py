"""The terminal view of a training run: a listener of its events that writes on standard error.

On a terminal a few lines that move (live.py) stand below what has been said so far; elsewhere all
is plain lines, few of them. Both tell of those steps that metrics.jsonl has. A run goes on when
what it says can no longer be written, because the reader of a pipe or the terminal has gone: hours
of training are not lost with their onlooker.
"""

from __future__ import annotations

import locale
import math
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from charloom.events import STEP_SECONDS, Event, Sample, Step, Stopped, Throttle, Validation
from charloom.formatting import (
    escape_controls,
    format_duration,
    format_step,
    indent_continuation,
    sample_heading,
)
from charloom.progress.closed_output import redirect_to_devnull
from charloom.progress.live_area import PinnedLines
from charloom.progress.live_panel import MARGIN, ProgressPanel
from charloom.progress.plan_text import describe_plan, uniform_bits_per_character
from charloom.progress.read_progress import ReadProgress
from charloom.progress.sparkline import BLOCK_LEVELS

if TYPE_CHECKING:
    from charloom.runs.plan import Plan

Span = tuple[str, str]
"""A piece of a line and its style."""

MIN_LOG_SECONDS: Final = 10.0
"""Least seconds of training between two lines on the loss where there is no terminal."""
MIN_LOG_FRACTION: Final = 0.02
"""Least share of the budget between the two, so that a long run has no thousands of lines."""
MIN_REDRAW_SECONDS: Final = 0.2
"""Seconds between two changes of what is said of reading."""
MAX_SAMPLE_CHARACTERS: Final = 240
"""Characters of a sample that a terminal shows; samples.jsonl has all of them."""

_OVERFITTING_NOTE: Final = (
    "Overfitting: the training loss falls on, the validation figure does not, so the network "
    "begins to learn the text by heart. The weights of the best figure are kept. More text helps; "
    "so may a larger --dropout."
)
_WORSE_THAN_UNIFORM_NOTE: Final = (
    "The best figure is worse than choosing blindly among the {:,} symbols: nothing was learned. "
    "Try a smaller --lr."
)


@contextmanager
def _tolerate_closed_stderr() -> Iterator[None]:
    """Say no more on standard error once it cannot be written."""
    try:
        yield
    except OSError:
        redirect_to_devnull(sys.stderr)


class ProgressView:
    """Tells of a run in plain lines, for logs and pipes; a context manager around the run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.interrupted = False
        """Whether the run was ended by Ctrl-C, or another signal."""
        self._plan: Plan | None = None
        self._best = math.inf
        self._overfitting_noted = False
        self._step_throttle = Throttle(STEP_SECONDS)
        self._last_log = (0.0, 0.0)
        self._clock = clock
        self._read_progress = ReadProgress(clock)
        self._last_read_line = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""

    @_tolerate_closed_stderr()
    def on_read(self, size: int, total: int) -> None:
        """Tell now and then how much text was read, ``size`` more bytes of ``total``."""
        self._read_progress.add(size, total)
        if self._clock() - self._last_read_line >= MIN_LOG_SECONDS:
            self._last_read_line = self._clock()
            self.write_line((str(self._read_progress), ""))

    @_tolerate_closed_stderr()
    def start(self, plan: Plan) -> None:
        """Tell what the run is about to do."""
        self._plan = plan
        self._best = plan.best
        for name, text in describe_plan(plan):
            self.write_entry(name, Text(text), "bold")
        self.write_line()

    @_tolerate_closed_stderr()
    def __call__(self, event: Event) -> None:
        """Tell of an event; those of no interest to a reader are passed over."""
        match event:
            case Step():
                if self._step_throttle.admit(event.seconds):
                    self.show_step(event)
            case Validation():
                self.show_validation(event)
            case Sample():
                self.show_sample(event)
            case Stopped():
                self._show_outcome(event)

    def write_line(self, *spans: Span) -> None:
        """Write one line."""
        print("".join(text for text, _ in spans), file=sys.stderr, flush=True)

    def write_entry(self, name: str, text: Text, style: str) -> None:
        """Write a text beside its name, which has the style."""
        beside = max(MARGIN, len(name)) + 2
        self.write_line((f"{name:>{MARGIN}}  {indent_continuation(text.plain, beside)}", ""))

    def show_step(self, event: Step) -> None:
        """Tell how learning goes, now and then."""
        seconds, progress = self._last_log
        if (
            event.seconds - seconds >= MIN_LOG_SECONDS
            and event.progress - progress >= MIN_LOG_FRACTION
        ):
            self._last_log = event.seconds, event.progress
            self.write_entry(format_duration(event.seconds), Text(format_step(event)), "bold")

    def show_sample(self, event: Sample) -> None:
        """Show a text that the network wrote."""
        self.write_entry(sample_heading(event), Text(escape_controls(event.text)), "cyan")

    def show_validation(self, event: Validation) -> None:
        """Tell of a figure, and once if it shows that the network learns by heart."""
        before, self._best = self._best, min(self._best, event.bits_per_character)
        text = Text.assemble(
            f"epoch {event.epoch}, validation ",
            (f"{event.bits_per_character:.3f} bits/char", "bold"),
            (f" (training {event.training_bits_per_character:.3f}), ", "dim"),
            ("best so far", "green") if event.best else (f"best {before:.3f}", "dim"),
        )
        self.write_entry(format_duration(event.seconds), text, "bold")
        if event.overfitting and not self._overfitting_noted:
            self._overfitting_noted = True
            self.write_entry("note", Text(_OVERFITTING_NOTE, "yellow"), "yellow")

    def _show_outcome(self, event: Stopped) -> None:
        self.interrupted = event.reason == "interrupted"
        output = None if self._plan is None else self._plan.output
        if output is None or self._plan is None:
            return
        end = "Interrupted" if self.interrupted else "Done"
        figure = event.bits_per_character
        kept = (
            "the last weights, not measured"
            if figure is None
            else f"the best weights, {figure:.3f} bits per character"
        )
        prompt = next(filter(None, self._plan.training.prompts), None)
        label = self._plan.corpus.labels[:1]
        command = ["charloom", "generate", str(output), *([prompt] if prompt else []), "-n", "5"]
        command += ["--label", *label] if label else []
        if figure is not None and figure > uniform_bits_per_character(self._plan):
            self.write_entry(
                "note",
                Text(_WORSE_THAN_UNIFORM_NOTE.format(len(self._plan.corpus.vocabulary))),
                "yellow",
            )
        self.write_line()
        self.write_line(
            (f"{end}: ", "bold"),
            (f"{kept}, are in ", ""),
            (str(output), "bold"),
        )
        self.write_line(("Try: ", ""), (shlex.join(command), "bold"))
        if self.interrupted:
            again = ["charloom", "train", *self._plan.sources, "-o", str(output), "--resume"]
            self.write_line(("Go on: ", ""), (shlex.join(again), "bold"))


class LiveProgressView(ProgressView):
    """Tells of a run on a terminal, with lines that move below what was said."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._console = console
        self._last_redraw = -math.inf
        self._read_status = console.status("reading")
        self._panel = ProgressPanel(blocks=_supports_blocks(console))
        self._pinned = PinnedLines(console, self._panel.draw)

    def __enter__(self) -> Self:
        with _tolerate_closed_stderr():
            self._read_status.start()
        return self

    @_tolerate_closed_stderr()
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        self._read_status.stop()
        self._pinned.stop()

    @_tolerate_closed_stderr()
    def on_read(self, size: int, total: int) -> None:
        """Show how much text was read, ``size`` bytes more than before of ``total``."""
        self._read_progress.add(size, total)
        if self._due():
            bar = self._read_progress.bar(plain=self._console.options.ascii_only)
            self._read_status.update(f"{bar} {self._read_progress}")

    @_tolerate_closed_stderr()
    def start(self, plan: Plan) -> None:
        """Tell what the run is about to do, and begin to draw its progress."""
        self._read_status.stop()
        super().start(plan)
        self._pinned.start()

    def write_line(self, *spans: Span) -> None:
        """Write one line above those that move."""
        self._console.print(Text.assemble(*spans))

    def write_entry(self, name: str, text: Text, style: str) -> None:
        """Write a text beside its name; what is too long for the terminal is folded."""
        grid = Table.grid(
            Column(min_width=MARGIN, justify="right", no_wrap=True),
            Column(overflow="fold"),
            padding=(0, 2),
        )
        grid.add_row(Text(name, style), text)
        self._console.print(grid)

    def show_step(self, event: Step) -> None:
        """Draw how learning goes."""
        self._panel.add_step(event)
        self._pinned.refresh()

    def show_validation(self, event: Validation) -> None:
        """Tell of a figure and add it to the curve."""
        self._panel.add_validation(event)
        super().show_validation(event)

    def show_sample(self, event: Sample) -> None:
        """Show a text that the network wrote, its prompt dimmed."""
        shown = (
            event.text
            if len(event.text) <= MAX_SAMPLE_CHARACTERS
            else event.text[:MAX_SAMPLE_CHARACTERS] + " ..."
        )
        text = Text(escape_controls(shown.rstrip("\n")))
        if event.text.startswith(event.prompt):
            text.stylize("dim", 0, len(escape_controls(event.prompt)))
        self.write_entry(sample_heading(event), text, "cyan")

    def _show_outcome(self, event: Stopped) -> None:
        self._pinned.stop()
        super()._show_outcome(event)

    def _due(self) -> bool:
        """Return whether what is said of reading may change again."""
        now = self._clock()
        due = now - self._last_redraw >= MIN_REDRAW_SECONDS
        if due:
            self._last_redraw = now
        return due


class SilentView(ProgressView):
    """Tells nothing: of several processes that learn as one, the first tells of the run."""

    def write_line(self, *spans: Span) -> None:
        """Write nothing."""


def choose_view(*, silent: bool = False) -> ProgressView:
    """Return the view that suits where standard error goes, or one that is silent."""
    if silent:
        return SilentView()
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        return LiveProgressView(console)
    return ProgressView()


def _supports_blocks(console: Console) -> bool:
    """Return whether a terminal can show blocks; the font of the Linux console has but some.

    What is written may be UTF-8 against the locale, which then still says what a terminal can show.
    A terminal of Windows shows all, whatever the locale.
    """
    encodings = {console.encoding, *([] if os.name == "nt" else [locale.getencoding()])}
    try:
        for encoding in encodings:
            BLOCK_LEVELS.encode(encoding)
    except UnicodeEncodeError:
        return False
    return os.environ.get("TERM") != "linux"
