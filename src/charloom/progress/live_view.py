"""The view of a training run for a terminal, and the choice between both views."""

from __future__ import annotations

import locale
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from charloom.events import Sample, Step, Stopped, Throttle, Validation
from charloom.formatting import escape_controls, sample_heading
from charloom.progress.closed_output import tolerate_closed_stderr
from charloom.progress.pinned_lines import PinnedLines
from charloom.progress.plain_view import ProgressView, SilentView
from charloom.progress.progress_panel import MARGIN, ProgressPanel
from charloom.progress.sparkline import BLOCK_LEVELS

if TYPE_CHECKING:
    from charloom.runs.plan import Plan

MIN_REDRAW_SECONDS: Final = 0.2
"""Minimum time between two updates of the progress of reading."""
MAX_SAMPLE_CHARACTERS: Final = 240
"""Characters shown of a sample; ``samples.jsonl`` has all of them."""


class LiveProgressView(ProgressView):
    """Prints a run on a terminal, above a panel that is redrawn in place."""

    def __init__(
        self,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        *,
        library: bool = False,
    ) -> None:
        super().__init__(clock, library=library)
        self._console = console
        self._redraw_throttle = Throttle(MIN_REDRAW_SECONDS)
        self._read_status = console.status("reading")
        self._panel = ProgressPanel(blocks=_supports_blocks(console))
        self._pinned = PinnedLines(console, self._panel.draw)

    def __enter__(self) -> Self:
        with tolerate_closed_stderr():
            self._read_status.start()
        return self

    @tolerate_closed_stderr()
    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self._read_status.stop()
        self._pinned.stop()

    @tolerate_closed_stderr()
    def on_read(self, size: int, total: int) -> None:
        """Show the progress of reading as a bar: ``size`` more bytes of ``total``."""
        self._read_progress.add(size, total)
        if self._redraw_throttle.admit(self._clock()):
            bar = self._read_progress.bar(plain=self._console.options.ascii_only)
            self._read_status.update(f"{bar} {self._read_progress}")

    @tolerate_closed_stderr()
    def start(self, plan: Plan) -> None:
        """Show what the run will do, then the panel."""
        self._read_status.stop()
        super().start(plan)
        self._pinned.start()

    def write_line(self, line: Text) -> None:
        """Write one line above the panel."""
        self._console.print(line)

    def write_entry(self, heading: str, text: Text, style: str) -> None:
        """Write a text with a heading in the left margin, folded to fit the terminal."""
        grid = Table.grid(
            Column(min_width=MARGIN, justify="right", no_wrap=True),
            Column(overflow="fold"),
            padding=(0, 2),
        )
        grid.add_row(Text(heading, style), text)
        self._console.print(grid)

    def show_step(self, event: Step) -> None:
        """Update the panel."""
        self._panel.add_step(event)
        self._pinned.refresh()

    def show_validation(self, event: Validation) -> None:
        """Print a validation loss, and add it to its curve in the panel."""
        self._panel.add_validation(event)
        super().show_validation(event)

    def show_sample(self, event: Sample) -> None:
        """Print the beginning of a text that the network generated, its prompt dimmed."""
        shown = event.text
        if len(shown) > MAX_SAMPLE_CHARACTERS:
            shown = shown[:MAX_SAMPLE_CHARACTERS] + " ..."
        text = Text(escape_controls(shown.rstrip("\n")))
        if event.text.startswith(event.prompt):
            text.stylize("dim", 0, len(escape_controls(event.prompt)))
        self.write_entry(sample_heading(event), text, "cyan")

    def show_outcome(self, event: Stopped) -> None:
        """Remove the panel; print where the model was saved and which command to run next."""
        self._pinned.stop()
        super().show_outcome(event)


def choose_view(*, silent: bool = False, library: bool = False) -> ProgressView:
    """Return a live view if standard error is a terminal, a plain one otherwise.

    ``library`` is true for a run of ``charloom.train``.
    """
    if silent:
        return SilentView()
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        return LiveProgressView(console, library=library)
    return ProgressView(library=library)


def _supports_blocks(console: Console) -> bool:
    """Return whether a terminal can show block characters.

    Output may be UTF-8 although the locale's encoding is not; the locale then says more about the
    terminal. Windows terminals show blocks in any locale. The font of the Linux console lacks some.
    """
    encodings = {console.encoding, *([] if os.name == "nt" else [locale.getencoding()])}
    try:
        for encoding in encodings:
            BLOCK_LEVELS.encode(encoding)
    except UnicodeEncodeError:
        return False
    return os.environ.get("TERM") != "linux"
