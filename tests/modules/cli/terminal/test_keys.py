import os
import select
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import IO, NamedTuple

import pytest

from charloom.cli.terminal import keys
from charloom.cli.terminal.keys import KeyListener
from charloom.events import Step, Stopped

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
STEP = Step(
    step=1,
    seconds=1.0,
    epoch=1,
    progress=0.5,
    bits_per_character=1.0,
    characters_per_second=1.0,
    learning_rate=0.1,
    memory_bytes=1,
    device_memory_bytes=None,
)


class Terminal(NamedTuple):
    """A terminal: the end at which its user sits, and what a program reads from."""

    user: int
    stdin: IO[str]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Make standard input and error a terminal; return the end at which its user sits."""
    ours, theirs = os.openpty()
    monkeypatch.setattr(keys, "_in_foreground", lambda terminal: True)
    with os.fdopen(theirs, "r") as stream:
        # Not sys itself: pytest puts its own streams there for each phase of a test.
        streams = SimpleNamespace(stdin=stream, stderr=stream, platform=sys.platform)
        monkeypatch.setattr(keys, "sys", streams)
        yield Terminal(ours, stream)
    os.close(ours)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    calls: list[bool] = []
    monkeypatch.setattr(keys, "raise_sigusr1", lambda: calls.append(True))
    return calls


@pytest.mark.parametrize(("typed", "reports"), [(b"s", 1), (b"S", 1), (b"ss", 1), (b"xq\n", 0)])
def test_the_key_asks_for_a_report(
    terminal: Terminal, asked: list[bool], typed: bytes, reports: int
) -> None:
    import termios

    before = termios.tcgetattr(terminal.stdin)
    with KeyListener() as listener:
        listener(STEP)
        assert not asked
        os.write(terminal.user, typed)
        assert select.select([terminal.stdin], [], [], 10)[0], "it takes a moment to arrive"
        listener(Stopped(step=1, seconds=1.0, reason="budget", bits_per_character=None))
        assert not asked
        listener(STEP)
        assert len(asked) == reports
        listener(STEP)
        assert len(asked) == reports
        assert not termios.tcgetattr(terminal.stdin)[3] & (termios.ECHO | termios.ICANON)
        assert termios.tcgetattr(terminal.stdin)[3] & termios.ISIG, "Ctrl-C is one"
    assert termios.tcgetattr(terminal.stdin) == before


def test_a_terminal_is_left_as_it_was_when_a_run_fails(terminal: Terminal) -> None:
    import termios

    before = termios.tcgetattr(terminal.stdin)
    with pytest.raises(SystemExit), KeyListener():
        assert termios.tcgetattr(terminal.stdin) != before
        raise SystemExit
    assert termios.tcgetattr(terminal.stdin) == before


@pytest.mark.parametrize("why", ["taken", "behind", "no terminal"])
def test_where_there_are_no_keys(
    terminal: Terminal, asked: list[bool], monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "behind":
        monkeypatch.setattr(keys, "_in_foreground", lambda terminal: False)
    if why == "no terminal":
        pipe = SimpleNamespace(isatty=lambda: False)
        streams = SimpleNamespace(stdin=terminal.stdin, stderr=pipe, platform=sys.platform)
        monkeypatch.setattr(keys, "sys", streams)
    with KeyListener(stdin_in_use=why == "taken") as listener:
        os.write(terminal.user, b"s\n")
        listener(STEP)
    assert not asked
