"""Lines that stay at the bottom of a terminal while text is printed above them.

They are redrawn when text is printed and on request, in a single write, so that nothing flickers
and no thread is needed. The cursor stays visible: a process that is stopped or killed leaves the
terminal in order.
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
    """Keeps lines below everything that is printed on a console.

    ``draw(columns, rows)`` returns the lines for a terminal of that size.
    """

    def __init__(self, console: Console, draw: Callable[[int, int], list[Text]]) -> None:
        self._console = console
        self._draw = draw
        self._drawn_widths: list[int] = []
        self._is_shown = False
        self._stderr = sys.stderr

    def start(self) -> None:
        """Show the lines, and print above them what other code writes to standard error."""
        self._console.push_render_hook(self)
        self._is_shown = True
        self._stderr = sys.stderr
        sys.stderr = FileProxy(self._console, sys.stderr)
        self.refresh()

    def refresh(self) -> None:
        """Redraw the lines."""
        if self._is_shown:
            self._console.print(Control())

    def stop(self) -> None:
        """Erase the lines and restore standard error, if the lines are shown."""
        if self._is_shown:
            self._is_shown = False
            sys.stderr = self._stderr
            try:
                self._console.print(Control())
            finally:
                self._console.pop_render_hook()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Surround what is printed: erase the lines before it, draw them after it."""
        erase = self._erase()
        columns, rows = self._console.size
        lines = self._draw(columns - RIGHT_MARGIN, rows) if self._is_shown else []
        for line in lines:
            line.truncate(columns - RIGHT_MARGIN)
        self._drawn_widths = [line.cell_len for line in lines]
        drawn = Text("\n", end="", no_wrap=True, overflow="crop").join(lines)
        return [erase, *renderables, drawn]

    def _erase(self) -> Control:
        """Erase the lines and put the cursor where the first one began.

        A terminal that became narrower has wrapped the lines, so their rows are counted anew.
        """
        columns = max(1, self._console.width)
        rows = sum(max(1, -(-width // columns)) for width in self._drawn_widths)
        if not rows:
            return Control()
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * (rows - 1)
        return Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up)
