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

from charloom.events import STEP_SECONDS, Event, Interval, Sample, Step, Stopped, Validation
from charloom.formatting import duration, hanging, heading, status, visible
from charloom.progress.closed_output import redirect_to_devnull
from charloom.progress.live_area import Area
from charloom.progress.live_panel import MARGIN, Panel
from charloom.progress.plan_text import chance, describe
from charloom.progress.read_progress import Reading
from charloom.progress.sparkline import BLOCKS

if TYPE_CHECKING:
    from charloom.runs.plan import Plan

Span = tuple[str, str]
"""A piece of a line and its style."""

LOG_SECONDS: Final = 10.0
"""Least seconds of training between two lines on the loss where there is no terminal."""
LOG_SHARE: Final = 0.02
"""Least share of the budget between the two, so that a long run has no thousands of lines."""
REDRAW_SECONDS: Final = 0.2
"""Seconds between two changes of what is said of reading."""
SHOWN: Final = 240
"""Characters of a sample that a terminal shows; samples.jsonl has all of them."""

_LEARNING_BY_HEART: Final = (
    "Overfitting: the training loss falls on, the validation figure does not, so the network "
    "begins to learn the text by heart. The weights of the best figure are kept. More text helps; "
    "so may a larger --dropout."
)
_WORSE: Final = (
    "The best figure is worse than choosing blindly among the {:,} symbols: nothing was learned. "
    "Try a smaller --lr."
)


@contextmanager
def _unheard() -> Iterator[None]:
    """Say no more on standard error once it cannot be written."""
    try:
        yield
    except OSError:
        redirect_to_devnull(sys.stderr)


class Watch:
    """Tells of a run in plain lines, for logs and pipes; a context manager around the run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.interrupted = False
        """Whether the run was ended by Ctrl-C, or another signal."""
        self._plan: Plan | None = None
        self._best = math.inf
        self._warned = False
        self._steps = Interval(STEP_SECONDS)
        self._logged = (0.0, 0.0)
        self._clock = clock
        self._reading = Reading(clock)
        self._told = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""

    @_unheard()
    def reading(self, size: int, total: int) -> None:
        """Tell now and then how much text was read, ``size`` more bytes of ``total``."""
        self._reading.add(size, total)
        if self._clock() - self._told >= LOG_SECONDS:
            self._told = self._clock()
            self.say((str(self._reading), ""))

    @_unheard()
    def start(self, plan: Plan) -> None:
        """Tell what the run is about to do."""
        self._plan = plan
        self._best = plan.best
        for name, text in describe(plan):
            self.entry(name, Text(text), "bold")
        self.say()

    @_unheard()
    def __call__(self, event: Event) -> None:
        """Tell of an event; those of no interest to a reader are passed over."""
        match event:
            case Step():
                if self._steps.admit(event.seconds):
                    self.step(event)
            case Validation():
                self.validation(event)
            case Sample():
                self.sample(event)
            case Stopped():
                self._stopped(event)

    def say(self, *spans: Span) -> None:
        """Write one line."""
        print("".join(text for text, _ in spans), file=sys.stderr, flush=True)

    def entry(self, name: str, text: Text, style: str) -> None:
        """Write a text beside its name, which has the style."""
        beside = max(MARGIN, len(name)) + 2
        self.say((f"{name:>{MARGIN}}  {hanging(text.plain, beside)}", ""))

    def step(self, event: Step) -> None:
        """Tell how learning goes, now and then."""
        seconds, progress = self._logged
        if event.seconds - seconds >= LOG_SECONDS and event.progress - progress >= LOG_SHARE:
            self._logged = event.seconds, event.progress
            self.entry(duration(event.seconds), Text(status(event)), "bold")

    def sample(self, event: Sample) -> None:
        """Show a text that the network wrote."""
        self.entry(heading(event), Text(visible(event.text)), "cyan")

    def validation(self, event: Validation) -> None:
        """Tell of a figure, and once if it shows that the network learns by heart."""
        before, self._best = self._best, min(self._best, event.bits_per_character)
        text = Text.assemble(
            f"epoch {event.epoch}, validation ",
            (f"{event.bits_per_character:.3f} bits/char", "bold"),
            (f" (training {event.training_bits_per_character:.3f}), ", "dim"),
            ("best so far", "green") if event.best else (f"best {before:.3f}", "dim"),
        )
        self.entry(duration(event.seconds), text, "bold")
        if event.overfitting and not self._warned:
            self._warned = True
            self.entry("note", Text(_LEARNING_BY_HEART, "yellow"), "yellow")

    def _stopped(self, event: Stopped) -> None:
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
        if figure is not None and figure > chance(self._plan):
            self.entry("note", Text(_WORSE.format(len(self._plan.corpus.vocabulary))), "yellow")
        self.say()
        self.say(
            (f"{end}: ", "bold"),
            (f"{kept}, are in ", ""),
            (str(output), "bold"),
        )
        self.say(("Try: ", ""), (shlex.join(command), "bold"))
        if self.interrupted:
            again = ["charloom", "train", *self._plan.sources, "-o", str(output), "--resume"]
            self.say(("Go on: ", ""), (shlex.join(again), "bold"))


class LiveWatch(Watch):
    """Tells of a run on a terminal, with lines that move below what was said."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._console = console
        self._drawn = -math.inf
        self._waiting = console.status("reading")
        self._panel = Panel(blocks=_has_blocks(console))
        self._area = Area(console, self._panel.draw)

    def __enter__(self) -> Self:
        with _unheard():
            self._waiting.start()
        return self

    @_unheard()
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        self._waiting.stop()
        self._area.stop()

    @_unheard()
    def reading(self, size: int, total: int) -> None:
        """Show how much text was read, ``size`` bytes more than before of ``total``."""
        self._reading.add(size, total)
        if self._due():
            bar = self._reading.bar(plain=self._console.options.ascii_only)
            self._waiting.update(f"{bar} {self._reading}")

    @_unheard()
    def start(self, plan: Plan) -> None:
        """Tell what the run is about to do, and begin to draw its progress."""
        self._waiting.stop()
        super().start(plan)
        self._area.start()

    def say(self, *spans: Span) -> None:
        """Write one line above those that move."""
        self._console.print(Text.assemble(*spans))

    def entry(self, name: str, text: Text, style: str) -> None:
        """Write a text beside its name; what is too long for the terminal is folded."""
        grid = Table.grid(
            Column(min_width=MARGIN, justify="right", no_wrap=True),
            Column(overflow="fold"),
            padding=(0, 2),
        )
        grid.add_row(Text(name, style), text)
        self._console.print(grid)

    def step(self, event: Step) -> None:
        """Draw how learning goes."""
        self._panel.step(event)
        self._area.refresh()

    def validation(self, event: Validation) -> None:
        """Tell of a figure and add it to the curve."""
        self._panel.validation(event)
        super().validation(event)

    def sample(self, event: Sample) -> None:
        """Show a text that the network wrote, its prompt dimmed."""
        shown = event.text if len(event.text) <= SHOWN else event.text[:SHOWN] + " ..."
        text = Text(visible(shown.rstrip("\n")))
        if event.text.startswith(event.prompt):
            text.stylize("dim", 0, len(visible(event.prompt)))
        self.entry(heading(event), text, "cyan")

    def _stopped(self, event: Stopped) -> None:
        self._area.stop()
        super()._stopped(event)

    def _due(self) -> bool:
        """Return whether what is said of reading may change again."""
        now = self._clock()
        due = now - self._drawn >= REDRAW_SECONDS
        if due:
            self._drawn = now
        return due


class Silence(Watch):
    """Tells nothing: of several processes that learn as one, the first tells of the run."""

    def say(self, *spans: Span) -> None:
        """Write nothing."""


def watch(*, silent: bool = False) -> Watch:
    """Return the view that suits where standard error goes, or one that is silent."""
    if silent:
        return Silence()
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        return LiveWatch(console)
    return Watch()


def _has_blocks(console: Console) -> bool:
    """Return whether a terminal can show blocks; the font of the Linux console has but some.

    What is written may be UTF-8 against the locale, which then still says what a terminal can show.
    A terminal of Windows shows all, whatever the locale.
    """
    encodings = {console.encoding, *([] if os.name == "nt" else [locale.getencoding()])}
    try:
        for encoding in encodings:
            BLOCKS.encode(encoding)
    except UnicodeEncodeError:
        return False
    return os.environ.get("TERM") != "linux"
