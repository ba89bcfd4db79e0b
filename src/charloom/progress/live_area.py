"""Lines that stay at the bottom of a terminal while text is written above them.

Drawn anew when something is written and when asked to, all at one go: nothing flickers, and no
thread is needed. The cursor stays visible, so a process that is stopped or killed leaves nothing to
mend.
"""

import sys
from collections.abc import Callable
from typing import Final

from rich.console import Console, ConsoleRenderable, RenderHook
from rich.control import Control
from rich.file_proxy import FileProxy
from rich.segment import ControlType
from rich.text import Text

RIGHT_MARGIN: Final = 3
"""Columns left free at the right: the ^C of an interruption must not wrap the line."""


class PinnedLines(RenderHook):
    """The lines that ``draw`` returns for so many columns and rows, below all that is written."""

    def __init__(self, console: Console, draw: Callable[[int, int], list[Text]]) -> None:
        self._console = console
        self._draw = draw
        self._drawn_widths: list[int] = []
        self._is_shown = False
        self._stderr = sys.stderr

    def start(self) -> None:
        """Show the lines; what others write to standard error goes above them."""
        self._console.push_render_hook(self)
        self._is_shown = True
        self._stderr = sys.stderr
        sys.stderr = FileProxy(self._console, sys.stderr)
        self.refresh()

    def refresh(self) -> None:
        """Draw the lines anew."""
        if self._is_shown:
            self._console.print(Control())

    def stop(self) -> None:
        """Remove the lines."""
        if self._is_shown:
            self._is_shown = False
            sys.stderr = self._stderr
            try:
                self._console.print(Control())
            finally:
                self._console.pop_render_hook()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Return what is written, with the lines removed before and drawn behind."""
        erase = self._erase()
        columns, rows = self._console.size
        lines = self._draw(columns - RIGHT_MARGIN, rows) if self._is_shown else []
        for line in lines:
            line.truncate(columns - RIGHT_MARGIN)
        self._drawn_widths = [line.cell_len for line in lines]
        drawn = Text("\n", end="", no_wrap=True, overflow="crop").join(lines)
        return [erase, *renderables, drawn]

    def _erase(self) -> Control:
        """Return what brings the cursor to where the lines began, and removes them.

        When a terminal became narrower, it has wrapped them.
        """
        columns = max(1, self._console.width)
        rows = sum(max(1, -(-width // columns)) for width in self._drawn_widths)
        if not rows:
            return Control()
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * (rows - 1)
        return Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up)
