"""The terminal view of a training run: a listener of its events that writes on standard error.

On a terminal there is a line that moves (loss, rate, time left) below what has been said so far;
elsewhere all is plain lines. A run goes on when what it says can no longer be written, because the
reader of a pipe or the terminal has gone: hours of training are not lost with their onlooker.
"""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from charloom.description import chance, describe
from charloom.display import duration, hanging, silence, visible
from charloom.events import Event, Sample, Step, Stopped, Validation
from charloom.reading import Reading

if TYPE_CHECKING:
    from charloom.recipe import Plan

Span = tuple[str, str]
"""A piece of a line and its style."""

MARGIN: Final = 10
"""Columns of what stands before a text: a name, a time, a temperature."""
LOG_SECONDS: Final = 10.0
"""Seconds of training between two lines on the loss where there is no terminal, and of reading
between two on that."""
REDRAW_SECONDS: Final = 0.2
"""Seconds between two changes of the line that moves."""
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
        silence(sys.stderr)


class Watch:
    """Tells of a run in plain lines, for logs and pipes; a context manager around the run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.interrupted = False
        """Whether the run was ended by Ctrl-C, or another signal."""
        self._plan: Plan | None = None
        self._best = math.inf
        self._warned = False
        self._logged = 0.0
        self._reading = Reading(clock)
        self._clock = clock
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
        for name, text in describe(plan):
            self.entry(name, Text(text), "bold")
        self.say()

    @_unheard()
    def __call__(self, event: Event) -> None:
        """Tell of an event; those of no interest to a reader are passed over."""
        match event:
            case Step():
                self.step(event)
            case Validation():
                self._validation(event)
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
        if event.seconds - self._logged >= LOG_SECONDS:
            self._logged = event.seconds
            self.entry(duration(event.seconds), Text(status(event)), "bold")

    def sample(self, event: Sample) -> None:
        """Show a text that the network wrote."""
        self.entry(heading(event), Text(visible(event.text)), "cyan")

    def _validation(self, event: Validation) -> None:
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


class LiveWatch(Watch):
    """Tells of a run on a terminal, with a line that moves below what was said."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._console = console
        self._drawn = -math.inf
        self._waiting = console.status("reading")
        # Room stays at the right for the ^C of an interruption, which would wrap the line.
        self._progress = Progress(
            BarColumn(bar_width=max(8, min(40, console.width - 62))),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            refresh_per_second=1 / REDRAW_SECONDS,
        )
        self._task = self._progress.add_task("", total=1.0)

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
        self._progress.stop()

    @_unheard()
    def reading(self, size: int, total: int) -> None:
        """Show how much text was read, ``size`` bytes more than before of ``total``."""
        self._reading.add(size, total)
        if self._due():
            self._waiting.update(f"{self._reading.bar} {self._reading}")

    @_unheard()
    def start(self, plan: Plan) -> None:
        """Tell what the run is about to do, and begin to draw its progress."""
        self._waiting.stop()
        super().start(plan)
        self._progress.start()

    def say(self, *spans: Span) -> None:
        """Write one line above the one that moves."""
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
        if self._due():
            self._progress.update(self._task, completed=event.progress, description=brief(event))

    def sample(self, event: Sample) -> None:
        """Show a text that the network wrote, its prompt dimmed."""
        shown = event.text if len(event.text) <= SHOWN else event.text[:SHOWN] + " ..."
        text = Text(visible(shown.rstrip("\n")))
        if event.text.startswith(event.prompt):
            text.stylize("dim", 0, len(visible(event.prompt)))
        self.entry(heading(event), text, "cyan")

    def _stopped(self, event: Stopped) -> None:
        self._progress.stop()
        super()._stopped(event)

    def _due(self) -> bool:
        """Return whether the line that moves may change again."""
        now = self._clock()
        due = now - self._drawn >= REDRAW_SECONDS
        if due:
            self._drawn = now
        return due


def watch() -> Watch:
    """Return the view that suits where standard error goes."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        return LiveWatch(console)
    return Watch()


def status(event: Step) -> str:
    """Return how learning goes, in one line without the time so far."""
    return (
        f"epoch {event.epoch}, {event.bits_per_character:.3f} bits/char, "
        f"{event.characters_per_second:,.0f} char/s, {left(event)} left"
    )


def brief(event: Step) -> str:
    """Return how learning goes, short enough to leave room for a bar."""
    return (
        f"{event.progress:4.0%}  epoch {event.epoch}  {event.bits_per_character:.3f} bits/char  "
        f"{thousands(event.characters_per_second)} char/s  {left(event)} left"
    )


def thousands(rate: float) -> str:
    """Return a rate in whole units, or from 10,000 on in thousands."""
    return f"{rate / 1000:,.0f}k" if rate >= 10_000 else f"{rate:,.0f}"


def left(event: Step) -> str:
    """Return the time that training will go on, if the rest goes like what is behind."""
    return duration(event.seconds * (1 / event.progress - 1)) if event.progress > 0 else "?"


def heading(event: Sample) -> str:
    """Return a sample's temperature, and its label if it has one."""
    label, temperature = event.label, event.temperature
    if label is None:
        return f"temp {temperature:g}" if temperature else "greedy"
    # Short enough for MARGIN where the label is.
    return f"{label} at {temperature:g}" if temperature else f"{label} greedy"
