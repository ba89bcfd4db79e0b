"""Checkers of texts: verdicts of commands and functions, and the line of each failure."""

import math
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloom.errors import CheckerError, SettingsError
from charloom.generation.checker import CommandChecker, accepted_share, make_checker
from charloom.settings.declaration import Range

AGREED = "it must write one line for each text, 1 for an accepted and 0 for another"
LIMITS = Range(above=0, max=86_400.0)
ALONE = f"; {AGREED}; try it alone with a few texts."


def program(code: str) -> str:
    """Return the command of a Python program."""
    return shlex.join([sys.executable, "-c", code])


ODD = program(
    "import sys\nlines = sys.stdin.buffer.read().decode().split('\\n')[:-1]\n"
    "for line in lines: print(len(line) % 2)"
)
"""Accepts texts of an odd number of characters."""


def are_odd(texts: Sequence[str]) -> list[bool]:
    return [len(text) % 2 == 1 for text in texts]


def message(command: str, texts: Sequence[str] = ("a", "b"), timeout: float = 30) -> str:
    with pytest.raises(CheckerError) as caught:
        CommandChecker(command, timeout)(texts)
    return str(caught.value)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=5)))
def test_a_command_judges_each_text(texts: list[str]) -> None:
    assert CommandChecker(ODD)(texts) == are_odd(texts)


def test_more_texts_than_a_batch_are_judged_in_order() -> None:
    texts = ["a" * (k % 7) for k in range(2500)]
    assert CommandChecker(ODD)(texts) == are_odd(texts)


def test_a_command_with_much_output_and_input_does_not_block(tmp_path: Path) -> None:
    code = "import sys\nfor line in sys.stdin: print(1); print('x' * 3000, file=sys.stderr)"
    (tmp_path / "check.py").write_text(code, "utf-8")
    command = shlex.join([sys.executable, str(tmp_path / "check.py")])
    assert CommandChecker(command)(["y" * 3000] * 900) == [True] * 900


def test_a_line_break_within_a_text_is_two_characters(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    code = f"import sys; lines = list(sys.stdin); open({str(seen)!r}, 'w').writelines(lines)"
    code += "; print('1\\n' * len(lines), end='')"
    assert CommandChecker(program(code))(["a\nb", "c\r\nd", "C\\n"]) == [True] * 3
    assert seen.read_text("utf-8") == "a\\nb\nc\\r\\nd\nC\\n\n"


@pytest.mark.parametrize(
    ("written", "accepted"),
    [("1", True), ("TRUE", True), (" yes\r", True), ("valid", True), ("ok", True)]
    + [("0", False), ("False", False), ("no", False), ("invalid", False)],
)
def test_verdicts_have_several_spellings(written: str, accepted: bool) -> None:
    assert CommandChecker(program(f"print({written!r})"))(["a"]) == [accepted]


def test_a_wrong_number_of_verdicts_is_reported() -> None:
    one, none = program("print(1)"), program("pass")
    assert message(one) == f"the checker {one!r} wrote 1 verdict for 2 texts{ALONE}"
    assert message(none) == f"the checker {none!r} wrote 0 verdicts for 2 texts{ALONE}"


def test_an_unknown_verdict_is_reported() -> None:
    command = program("print('0\\nmaybe')")
    assert message(command) == f"the checker {command!r} wrote 'maybe' as a verdict{ALONE}"


def test_a_failure_is_reported_with_its_last_line() -> None:
    command = program("raise ValueError(7)")
    assert message(command) == (
        f"the checker {command!r} failed with exit code 1 (ValueError: 7){ALONE}"
    )
    silent = program("import sys; sys.exit(3)")
    assert message(silent) == f"the checker {silent!r} failed with exit code 3{ALONE}"


def test_a_death_is_reported() -> None:
    command = program("import os; os.kill(os.getpid(), 9)")
    assert message(command) == f"the checker {command!r} was ended by SIGKILL{ALONE}"


def test_a_death_by_a_signal_without_a_name_is_reported() -> None:
    command = program("import os; os.kill(os.getpid(), 40)")
    assert message(command) == f"the checker {command!r} was ended by signal 40{ALONE}"


@pytest.mark.parametrize("command", ["a\0b", "echo \ud83d"])
def test_a_command_that_is_no_text_is_reported(command: str) -> None:
    assert message(command) == (
        f"the checker {command!r} cannot be started (it is no text of a command); give a program "
        "and its arguments."
    )


def test_a_child_that_outlives_its_parent_is_ended_after_the_time(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"import subprocess as s; c = s.Popen(['sleep', '100']); open({str(pid)!r}, 'w')"
    command = program(code + ".write(str(c.pid))")
    assert "gave no answer within 2 s" in message(command, timeout=2)
    assert ends(int(pid.read_text()))


def test_a_program_that_is_not_there_is_reported() -> None:
    assert message("no-such-program -x") == (
        "the checker 'no-such-program -x' cannot be started (No such file or directory); give a "
        "program and its arguments."
    )


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = "import subprocess as s; c = s.Popen(['sleep', '100'])\n"
    code += f"open({str(pid)!r}, 'w').write(str(c.pid)); c.wait()"
    command = program(code)
    assert message(command, timeout=2) == (
        f"the checker {command!r} gave no answer within 2 s; {AGREED}; allow more with "
        "--checker-timeout."
    )
    assert ends(int(pid.read_text()))


def ends(pid: int) -> bool:
    """Return whether a process ends within ten seconds, or is a zombie of another parent."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if ") Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return False


@pytest.mark.parametrize(
    ("checker", "timeout", "line"),
    [
        (
            "  ",
            None,
            "checker is empty; give a program and its arguments, such as 'python check.py'.",
        ),
        (
            "'x",
            None,
            'checker is "\'x", which is no command (no closing quotation); give a program and its '
            "arguments, such as 'python check.py'.",
        ),
        *(
            (
                "x",
                timeout,
                f"checker-timeout is {timeout}; it must be a number of {LIMITS}.",
            )
            for timeout in (0.0, -1.0, math.inf, math.nan, 1e12)
        ),
        (
            str.isalpha,
            1.0,
            "checker_timeout was given with a function; it is for a command, leave it out.",
        ),
        (
            7,
            None,
            "checker is 7; give a command, or a function that takes a text and returns whether it "
            "is accepted.",
        ),
    ],
)
def test_a_checker_that_is_none_is_refused(checker: Any, timeout: float | None, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_checker(checker, timeout)
    assert str(caught.value) == line


@pytest.mark.parametrize("checker", [lambda text: len(text) % 2, ODD])
def test_functions_and_commands_give_the_same_share(
    checker: str | Callable[[str], Any],
) -> None:
    assert accepted_share(make_checker(checker), ["a", "abc", "ab", "abcde"]) == 0.75
    assert accepted_share(make_checker(checker), []) == 0


def test_an_error_of_a_function_is_raised_unchanged() -> None:
    with pytest.raises(ZeroDivisionError):
        make_checker(lambda text: 1 / 0)(["a"])
