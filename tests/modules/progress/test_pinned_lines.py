"""Pinned lines, checked on a simulated terminal that interprets the bytes it is sent."""

import io
import re
import sys

import pytest
from rich.console import Console
from rich.text import Text

from charloom.progress.pinned_lines import RIGHT_MARGIN, PinnedLines


class Screen:
    """A terminal of any number of rows that knows the control sequences that are used."""

    def __init__(self, columns: int) -> None:
        self.lines = [""]
        self.row = 0
        self.columns = columns

    def interpret(self, written: str) -> None:
        for token in re.findall(r"\x1b\[\d*[AK]|\r|\n|[^\x1b\r\n]+|\x1b.*", written):
            match token:
                case "\r":
                    pass
                case "\n":
                    self.row += 1
                    if self.row == len(self.lines):
                        self.lines.append("")
                case "\x1b[1A":
                    self.row -= 1
                case "\x1b[2K":
                    self.lines[self.row] = ""
                case _:
                    assert not token.startswith("\x1b"), f"unknown control sequence {token!r}"
                    assert not self.lines[self.row], "text is overwritten"
                    self.lines[self.row] = token
                    assert len(token) <= self.columns

    def narrow(self, columns: int) -> None:
        """Wrap the lines that do not fit, as terminals do; the cursor was in the last line."""
        self.columns = columns
        self.lines = [
            line[begin : begin + columns]
            for line in self.lines
            for begin in range(0, max(1, len(line)), columns)
        ]
        self.row = len(self.lines) - 1

    @property
    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.lines]


class Terminal:
    """A screen, a console that writes to it, and two pinned lines; the first counts redraws."""

    def __init__(self, columns: int) -> None:
        self.file = io.StringIO()
        self.screen = Screen(columns)
        self.console = Console(
            file=self.file, force_terminal=True, color_system=None, width=columns, height=20
        )
        self.count = 0
        self.pinned = PinnedLines(self.console, self.draw)

    def draw(self, columns: int, rows: int) -> list[Text]:
        self.count += 1
        return [Text(f"{self.count} " + "x" * columns), Text("below")]

    def shown(self) -> list[str]:
        self.screen.interpret(self.file.getvalue())
        self.file.seek(0)
        self.file.truncate()
        return self.screen.shown


def test_lines_stay_below_printed_text_until_stopped() -> None:
    terminal = Terminal(20)
    terminal.pinned.start()
    assert terminal.shown() == ["1 xxxxxxxxxxxxxxx", "below"]
    terminal.console.print("one")
    terminal.pinned.refresh()
    assert terminal.shown() == ["one", "3 xxxxxxxxxxxxxxx", "below"]
    terminal.console.print("two\nthree")
    assert terminal.shown() == ["one", "two", "three", "4 xxxxxxxxxxxxxxx", "below"]
    terminal.pinned.stop()
    assert terminal.shown()[:3] == ["one", "two", "three"]
    assert not any(terminal.shown()[3:])
    terminal.console.print("four")
    assert terminal.shown()[:4] == ["one", "two", "three", "four"]
    assert not any(terminal.shown()[4:])


@pytest.mark.parametrize("columns", [50, 17, 9, 5])
def test_terminal_made_narrower_keeps_printed_text_and_no_remains_of_lines(columns: int) -> None:
    terminal = Terminal(60)
    terminal.pinned.start()
    terminal.console.print("one")
    assert terminal.shown()[0] == "one"
    terminal.screen.narrow(columns)
    terminal.console.width = columns
    terminal.pinned.refresh()
    line = ("3 " + "x" * columns)[: columns - RIGHT_MARGIN]
    shown = [text for text in terminal.shown() if text]
    assert shown == ["one", line.rstrip(), "below"[: columns - RIGHT_MARGIN]]


def test_erasing_and_redrawing_are_one_write() -> None:
    """Two writes would flicker."""
    terminal = Terminal(20)
    terminal.pinned.start()
    writes: list[str] = []

    class Recorder(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    terminal.console.file = Recorder()
    terminal.console.print("one")
    terminal.pinned.refresh()
    assert len(writes) == 2
    assert all(text.startswith("\r\x1b[2K") and text.endswith("below") for text in writes)


def test_standard_error_goes_above_the_lines_while_they_are_shown() -> None:
    terminal = Terminal(20)
    before = sys.stderr
    terminal.pinned.start()
    print("a warning", file=sys.stderr)
    assert terminal.shown() == ["a warning", "2 xxxxxxxxxxxxxxx", "below"]
    terminal.pinned.stop()
    assert sys.stderr is before


def test_lines_that_were_not_started_draw_nothing() -> None:
    terminal = Terminal(20)
    terminal.pinned.refresh()
    terminal.pinned.stop()
    assert terminal.file.getvalue() == ""


def test_stopping_twice_is_the_same_as_once() -> None:
    terminal = Terminal(20)
    terminal.pinned.start()
    terminal.pinned.stop()
    terminal.pinned.stop()
    assert not any(terminal.shown())
