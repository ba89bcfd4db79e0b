import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

import pytest
from training_events import step, stopped

from charloom.cli.terminal.keys import KeyListener

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")


class Terminal(NamedTuple):
    """A pseudo-terminal: the end of the user, and the stream of the program."""

    user: int
    stream: TextIO

    def type(self, keys: bytes) -> None:
        os.write(self.user, keys)
        # The keys take a moment to arrive.
        assert select.select([self.stream], [], [], 10)[0]


class Calls:
    """Counts its calls, in place of the action of the key."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    user, program = os.openpty()
    with os.fdopen(program, "r") as stream:
        yield Terminal(user, stream)
    os.close(user)


def listen(terminal: Terminal, on_key: Calls) -> KeyListener:
    # A process is in the foreground of its controlling terminal only, which this one is not.
    return KeyListener(
        terminal.stream, terminal.stream, on_key=on_key, in_foreground=lambda descriptor: True
    )


@pytest.mark.parametrize(("typed", "calls"), [(b"s", 1), (b"S", 1), (b"ss", 1), (b"xq\n", 0)])
def test_key_is_acted_on_after_the_next_step_once(
    terminal: Terminal, typed: bytes, calls: int
) -> None:
    on_key = Calls()
    with listen(terminal, on_key) as listener:
        listener(step())
        assert on_key.count == 0
        terminal.type(typed)
        listener(stopped())
        assert on_key.count == 0
        listener(step())
        assert on_key.count == calls
        listener(step())
        assert on_key.count == calls


def test_terminal_delivers_keys_at_once_without_echo_until_the_end(terminal: Terminal) -> None:
    import termios

    before = termios.tcgetattr(terminal.stream)
    with listen(terminal, Calls()):
        modes = termios.tcgetattr(terminal.stream)[3]
        assert not modes & (termios.ECHO | termios.ICANON)
        assert modes & termios.ISIG, "Ctrl-C must still interrupt"
    assert termios.tcgetattr(terminal.stream) == before


def test_terminal_is_restored_when_a_run_fails(terminal: Terminal) -> None:
    import termios

    before = termios.tcgetattr(terminal.stream)
    with pytest.raises(SystemExit), listen(terminal, Calls()):
        assert termios.tcgetattr(terminal.stream) != before
        raise SystemExit
    assert termios.tcgetattr(terminal.stream) == before


@pytest.mark.parametrize("case", ["no stdin", "background", "stderr is no terminal"])
def test_key_is_ignored(terminal: Terminal, tmp_path: Path, case: str) -> None:
    on_key = Calls()
    with (tmp_path / "log").open("w") as log:
        listener = KeyListener(
            None if case == "no stdin" else terminal.stream,
            log if case == "stderr is no terminal" else terminal.stream,
            on_key=on_key,
            in_foreground=lambda descriptor: case != "background",
        )
        with listener:
            terminal.type(b"s\n")
            listener(step())
    assert on_key.count == 0


def test_standard_input_that_is_no_terminal_is_left_alone(terminal: Terminal) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"s\n")
    os.close(writer)
    on_key = Calls()
    with os.fdopen(reader) as stdin:
        with KeyListener(stdin, terminal.stream, on_key=on_key) as listener:
            listener(step())
        assert stdin.read() == "s\n"
    assert on_key.count == 0
