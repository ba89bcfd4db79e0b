"""What a person would see: the bytes are obeyed as a terminal obeys them."""

import io
import re
import sys

import pytest
from rich.console import Console
from rich.text import Text

from charloom.progress.live_area import RIGHT_MARGIN, PinnedLines


class Screen:
    """A terminal of any number of rows, which knows what the area uses."""

    def __init__(self, columns: int) -> None:
        self.lines = [""]
        self.row = 0
        self.columns = columns

    def obey(self, written: str) -> None:
        for part in re.findall(r"\x1b\[\d*[AK]|\r|\n|[^\x1b\r\n]+|\x1b.*", written):
            match part:
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
                    assert not part.startswith("\x1b"), f"{part!r} is not known"
                    assert not self.lines[self.row], "nothing is written over something"
                    self.lines[self.row] = part
                    assert len(part) <= self.columns

    def narrow(self, columns: int) -> None:
        """Wrap what does not fit, as terminals do; the cursor was at the end of all."""
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
    """A screen, a console that writes to it, and an area of two lines that count."""

    def __init__(self, columns: int) -> None:
        self.file = io.StringIO()
        self.screen = Screen(columns)
        self.console = Console(
            file=self.file, force_terminal=True, color_system=None, width=columns, height=20
        )
        self.count = 0
        self.area = PinnedLines(self.console, self.draw)

    def draw(self, columns: int, rows: int) -> list[Text]:
        self.count += 1
        return [Text(f"{self.count} " + "x" * columns), Text("below")]

    def seen(self) -> list[str]:
        self.screen.obey(self.file.getvalue())
        self.file.seek(0)
        self.file.truncate()
        return self.screen.shown


def test_lines_stay_below_what_is_written() -> None:
    terminal = Terminal(20)
    terminal.area.start()
    assert terminal.seen() == ["1 xxxxxxxxxxxxxxx", "below"]
    terminal.console.print("one")
    terminal.area.refresh()
    assert terminal.seen() == ["one", "3 xxxxxxxxxxxxxxx", "below"]
    terminal.console.print("two\nthree")
    assert terminal.seen() == ["one", "two", "three", "4 xxxxxxxxxxxxxxx", "below"]
    terminal.area.stop()
    assert terminal.seen()[:3] == ["one", "two", "three"]
    assert not any(terminal.seen()[3:])
    terminal.console.print("four")
    assert terminal.seen()[:4] == ["one", "two", "three", "four"]
    assert not any(terminal.seen()[4:])


@pytest.mark.parametrize("columns", [50, 17, 9, 5])
def test_a_terminal_that_becomes_narrower_keeps_what_was_said_and_no_more(columns: int) -> None:
    terminal = Terminal(60)
    terminal.area.start()
    terminal.console.print("one")
    assert terminal.seen()[0] == "one"
    terminal.screen.narrow(columns)
    terminal.console.width = columns
    terminal.area.refresh()
    line = ("3 " + "x" * columns)[: columns - RIGHT_MARGIN]
    shown = [text for text in terminal.seen() if text]
    assert shown == ["one", line.rstrip(), "below"[: columns - RIGHT_MARGIN]]


def test_each_change_is_written_at_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is removed and what comes in its place are one write, so that nothing flickers."""
    terminal = Terminal(20)
    terminal.area.start()
    writes: list[str] = []
    monkeypatch.setattr(terminal.file, "write", writes.append)
    terminal.console.print("one")
    terminal.area.refresh()
    assert len(writes) == 2
    assert all(text.startswith("\r\x1b[2K") and text.endswith("below") for text in writes)


def test_what_others_write_goes_above(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(20)
    before = sys.stderr
    terminal.area.start()
    print("a warning", file=sys.stderr)
    assert terminal.seen() == ["a warning", "2 xxxxxxxxxxxxxxx", "below"]
    terminal.area.stop()
    assert sys.stderr is before


def test_an_area_that_was_not_started_draws_nothing() -> None:
    terminal = Terminal(20)
    terminal.area.refresh()
    terminal.area.stop()
    assert terminal.file.getvalue() == ""


def test_stopping_twice_is_stopping_once() -> None:
    terminal = Terminal(20)
    terminal.area.start()
    terminal.area.stop()
    terminal.area.stop()
    assert not any(terminal.seen())
