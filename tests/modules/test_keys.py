import os
import select
import sys
from collections.abc import Iterator

import pytest

from charloom.cli import keys
from charloom.cli.keys import Keys
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


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make standard input and error a terminal; return the end at which its user sits."""
    ours, theirs = os.openpty()
    monkeypatch.setattr(keys, "_in_front", lambda terminal: True)
    with os.fdopen(theirs, "r") as stream, open(os.dup(theirs), "w") as errors:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", stream)
        monkeypatch.setattr(sys, "stderr", errors)
        yield ours
    os.close(ours)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    calls: list[bool] = []
    monkeypatch.setattr(keys, "ask_for_a_report", lambda: calls.append(True))
    return calls


@pytest.mark.parametrize(("typed", "reports"), [(b"s", 1), (b"S", 1), (b"ss", 1), (b"xq\n", 0)])
def test_the_key_asks_for_a_report(
    terminal: int, asked: list[bool], typed: bytes, reports: int
) -> None:
    import termios

    before = termios.tcgetattr(sys.stdin)
    with Keys() as listener:
        listener(STEP)
        assert not asked
        os.write(terminal, typed)
        assert select.select([sys.stdin], [], [], 10)[0], "it takes a moment to arrive"
        listener(Stopped(step=1, seconds=1.0, reason="budget", bits_per_character=None))
        assert not asked
        listener(STEP)
        assert len(asked) == reports
        listener(STEP)
        assert len(asked) == reports
        assert not termios.tcgetattr(sys.stdin)[3] & (termios.ECHO | termios.ICANON)
        assert termios.tcgetattr(sys.stdin)[3] & termios.ISIG, "Ctrl-C is one"
    assert termios.tcgetattr(sys.stdin) == before


@pytest.mark.usefixtures("terminal")
def test_a_terminal_is_left_as_it_was_when_a_run_fails() -> None:
    import termios

    before = termios.tcgetattr(sys.stdin)
    with pytest.raises(SystemExit), Keys():
        assert termios.tcgetattr(sys.stdin) != before
        raise SystemExit
    assert termios.tcgetattr(sys.stdin) == before


@pytest.mark.parametrize("why", ["taken", "behind", "no terminal"])
def test_where_there_are_no_keys(
    terminal: int, asked: list[bool], monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "behind":
        monkeypatch.setattr(keys, "_in_front", lambda terminal: False)
    if why == "no terminal":
        monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: False)
    with Keys(taken=why == "taken") as listener:
        os.write(terminal, b"s\n")
        listener(STEP)
    assert not asked
