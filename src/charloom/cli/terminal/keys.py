"""A key that requests a validation, samples and a checkpoint during training."""

import contextlib
import os
import select
import sys
from collections.abc import Callable
from typing import Any, Final, Self, TextIO

from charloom.events import Event, Step
from charloom.runs.signals import raise_sigusr1

KEY: Final = b"s"


def in_foreground(terminal: int) -> bool:
    """Return whether this process may use a terminal, given as a file descriptor.

    A background process that uses its terminal is suspended. False on Windows.
    """
    if sys.platform == "win32":
        return False
    return os.tcgetpgrp(terminal) == os.getpgrp()


class KeyListener:
    """Checks for the key after each step: a listener, and a context around the run.

    In the context the terminal delivers keys at once and does not echo them. It does nothing if
    ``stdin`` is None or no terminal, if ``stderr`` is no terminal, or in the background.
    ``on_key`` is called once for each step during which the key was pressed.
    """

    def __init__(
        self,
        stdin: TextIO | None,
        stderr: TextIO,
        *,
        on_key: Callable[[], object] = raise_sigusr1,
        in_foreground: Callable[[int], bool] = in_foreground,
    ) -> None:
        self._on_key = on_key
        self._in_foreground = in_foreground
        self._terminal: int | None = None
        self._saved_attributes: list[Any] = []
        if stdin is not None and stderr.isatty():
            with contextlib.suppress(OSError, ValueError):
                descriptor = stdin.fileno()
                if os.isatty(descriptor) and in_foreground(descriptor):
                    self._terminal = descriptor

    def __enter__(self) -> Self:
        if self._terminal is not None:
            import termios
            import tty

            self._saved_attributes = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal, termios.TCSANOW)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the attributes of the terminal."""
        if self._terminal is not None:
            import termios

            with contextlib.suppress(termios.error, OSError):
                if self._in_foreground(self._terminal):
                    termios.tcsetattr(self._terminal, termios.TCSANOW, self._saved_attributes)

    def __call__(self, event: Event) -> None:
        """Call ``on_key`` if the key was pressed before the end of a step."""
        if self._terminal is None or not isinstance(event, Step):
            return
        try:
            ready, _, _ = select.select([self._terminal], [], [], 0)
            if not ready or not self._in_foreground(self._terminal):
                return
            pressed = os.read(self._terminal, 100)
        except OSError:
            pressed = b""
        if not pressed:  # the terminal was closed
            self._terminal = None
        elif KEY in pressed.lower():
            self._on_key()
