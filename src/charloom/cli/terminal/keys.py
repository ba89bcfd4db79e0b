"""The key that asks a run to measure, show samples and save, where it runs on a terminal."""

import contextlib
import os
import select
import sys
from types import TracebackType
from typing import Any, Final, Self

from charloom.events import Event, Step
from charloom.runs.signals import raise_sigusr1

KEY: Final = b"s"


class KeyListener:
    """A listener of a run that looks for the key after each step; a context manager around the run.

    Within it the terminal hands keys over at once and does not show them. Where standard input is
    no terminal, is ``taken`` for the texts, or belongs to another job, nothing is done.
    """

    def __init__(self, stdin_in_use: bool = False) -> None:
        self._terminal: int | None = None
        self._saved_attributes: list[Any] = []
        if not stdin_in_use and sys.stdin is not None and sys.stderr.isatty():
            with contextlib.suppress(OSError, ValueError):
                descriptor = sys.stdin.fileno()
                if os.isatty(descriptor) and _in_foreground(descriptor):
                    self._terminal = descriptor

    def __enter__(self) -> Self:
        if self._terminal is not None:
            import termios
            import tty

            self._saved_attributes = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal, termios.TCSANOW)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        if self._terminal is not None:
            import termios

            with contextlib.suppress(termios.error, OSError):
                if _in_foreground(self._terminal):
                    termios.tcsetattr(self._terminal, termios.TCSANOW, self._saved_attributes)

    def __call__(self, event: Event) -> None:
        """Ask for a report if the key was pressed before the end of a step."""
        if self._terminal is None or not isinstance(event, Step):
            return
        try:
            if not select.select([self._terminal], [], [], 0)[0] or not _in_foreground(
                self._terminal
            ):
                return
            pressed = os.read(self._terminal, 100)
        except OSError:
            pressed = b""
        if not pressed:  # the terminal has gone
            self._terminal = None
        elif KEY in pressed.lower():
            raise_sigusr1()


def _in_foreground(terminal: int) -> bool:
    """Return whether this process may use the terminal; one in the background is halted if it does.

    False where there are no such terminals.
    """
    if sys.platform == "win32":
        return False
    return os.tcgetpgrp(terminal) == os.getpgrp()
