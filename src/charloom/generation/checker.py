r"""Checkers: programs or functions of the user that accept or reject texts.

A command reads one text a line from standard input, in UTF-8, and writes one verdict a line. It is
started for each batch of texts, so that a program that writes its verdicts only at the end of its
input works too. A line break within a text is sent as the two characters ``\n``.
"""

import contextlib
import itertools
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Union

from charloom.errors import CheckerError, SettingsError
from charloom.formatting import format_count
from charloom.generation.detokenizer import GeneratedText
from charloom.settings.declaration import check_range

Checker = Callable[[Sequence[str]], list[bool]]
"""Returns whether each text of a batch is accepted; raises CheckerError if it fails."""

TextChecker = Union[str, Callable[[str], object], "CommandChecker"]
"""A checker as a user gives it: a command, or a function of one text."""

DEFAULT_TIMEOUT: Final = 60.0
"""Seconds that a command has for a batch."""
MAX_TIMEOUT: Final = 86_400.0
BATCH_TEXTS: Final = 1000
"""Texts that a command judges at once."""
_VERDICTS: Final = {
    **dict.fromkeys(("1", "true", "yes", "valid", "ok"), True),
    **dict.fromkeys(("0", "false", "no", "invalid"), False),
}


def make_checker(checker: TextChecker, timeout: float | None = None) -> Checker:
    """Return the checker of a command or a function.

    A function accepts a text by returning a true value; its errors are raised unchanged.
    ``timeout`` is that of a command. Raises SettingsError if it is neither.
    """
    if isinstance(checker, CommandChecker):
        return checker
    if isinstance(checker, str):
        return CommandChecker(checker, DEFAULT_TIMEOUT if timeout is None else timeout)
    if timeout is not None:
        raise SettingsError(
            "checker_timeout was given with a function; it is for a command, leave it out."
        )
    if not callable(checker):
        raise SettingsError(
            f"checker is {checker!r:.80}; give a command, or a function that takes a text and "
            "returns whether it is accepted."
        )
    return lambda texts: [bool(checker(text)) for text in texts]


def accepted_share(checker: Checker, texts: Sequence[str]) -> float:
    """Return the fraction of texts that are accepted; 0 if there are none."""
    return sum(checker(texts)) / max(len(texts), 1)


class Acceptances:
    """Judges texts in batches as they are generated, and counts the accepted ones."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._texts = self._accepted = 0

    def judge(self, texts: Iterable[GeneratedText]) -> Iterator[tuple[GeneratedText, bool]]:
        """Yield each text with its verdict; raises CheckerError if the checker fails."""
        source = iter(texts)
        while batch := list(itertools.islice(source, BATCH_TEXTS)):
            verdicts = self._checker([generated.text for generated in batch])
            self._texts += len(batch)
            self._accepted += sum(verdicts)
            yield from zip(batch, verdicts, strict=True)

    def summary(self) -> str:
        """Return one line with the number of accepted texts."""
        share = 100 * self._accepted / max(self._texts, 1)
        count = format_count(self._texts, "text")
        return f"the checker accepts {self._accepted:,} of {count} ({share:.1f} %)."


class CommandChecker:
    """The checker of a command, which is split into words as by a POSIX shell.

    No shell runs it. Raises SettingsError for a command without words, or with an open quote.
    """

    def __init__(self, command: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._command = command
        self._timeout = timeout
        check_range("checker-timeout", timeout, above=0, max=MAX_TIMEOUT)
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise SettingsError(
                f"checker is {command!r}, which is no command ({str(error).lower()}); give a "
                "program and its arguments, such as 'python check.py'."
            ) from error
        if not self._words:
            raise SettingsError(
                "checker is empty; give a program and its arguments, such as 'python check.py'."
            )

    def __call__(self, texts: Sequence[str]) -> list[bool]:
        """Return whether each text is accepted.

        Raises CheckerError if the command cannot be started, fails, takes longer than the timeout
        for 1,000 texts, or writes anything but one verdict for each text.
        """
        verdicts: list[bool] = []
        for first in range(0, len(texts), BATCH_TEXTS):
            verdicts += self._check(texts[first : first + BATCH_TEXTS])
        return verdicts

    def _check(self, texts: Sequence[str]) -> list[bool]:
        answer = self._run(_to_lines(texts))
        lines = answer.decode("utf-8", "replace").removesuffix("\n").split("\n")
        if not answer:
            lines = []
        if len(lines) != len(texts):
            raise self._error(f"wrote {_count(len(lines))} for {len(texts):,} texts")
        return [self._verdict(line.strip()) for line in lines]

    def _verdict(self, line: str) -> bool:
        accepted = _VERDICTS.get(line.lower())
        if accepted is None:
            raise self._error(f"wrote {line!r:.60} as a verdict")
        return accepted

    def _run(self, content: bytes) -> bytes:
        try:
            process = subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A group of its own: Ctrl-C in the terminal stops charloom, not the checker.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL or half a surrogate pair
            reason = error.strerror if isinstance(error, OSError) else "it is no text of a command"
            raise CheckerError(
                f"the checker {self._command!r} cannot be started ({reason or error}); give a "
                "program and its arguments."
            ) from error
        try:
            answer, errors = process.communicate(content, timeout=self._timeout)
        except subprocess.TimeoutExpired:
            raise self._error(f"gave no answer within {self._timeout:g} s", _LONGER) from None
        finally:
            _end(process)
        if process.returncode:
            last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise self._error(_describe_exit(process.returncode) + (f" ({last})" if last else ""))
        return answer

    def _error(self, fault: str, advice: str = "") -> CheckerError:
        return CheckerError(
            f"the checker {self._command!r} {fault}; it must write one line for each text, 1 for "
            f"an accepted and 0 for another; {advice or 'try it alone with a few texts'}."
        )


_LONGER: Final = "allow more with --checker-timeout"


def _to_lines(texts: Iterable[str]) -> bytes:
    lines = (text.replace("\r", "\\r").replace("\n", "\\n") for text in texts)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _count(verdicts: int) -> str:
    return "1 verdict" if verdicts == 1 else f"{verdicts:,} verdicts"


def _describe_exit(code: int) -> str:
    if code < 0:
        known = -code in {*signal.Signals}  # signals of real time have no names
        return f"was ended by {signal.Signals(-code).name if known else f'signal {-code}'}"
    return f"failed with exit code {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started; close its streams."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
