"""Signals to a run: those that ask for an end, and the one that asks to save and show now."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

# Signals after which everything is kept; Windows has not all of them.
_STOP_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
_REQUEST_SIGNAL: Final = "SIGUSR1"


@contextlib.contextmanager
def stop_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first signal that asks for an end; a second one acts as usual.

    A signal other than Ctrl-C ends more than the training: it is sent once more when all is kept.
    """
    # Other threads cannot listen for signals.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name) for name in _STOP_SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in known}
    # A job in the background of a script ignores Ctrl-C, one under nohup the end of its terminal.
    heard = [number for number in known if before[number] not in (signal.SIG_IGN, None)]
    received: list[int] = []

    def restore() -> None:
        for number in heard:
            signal.signal(number, before[number])

    def handle(number: int, frame: object) -> None:
        restore()
        received.append(number)
        stop()

    for number in heard:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
    for number in received:
        if number != signal.SIGINT:
            signal.raise_signal(number)


@contextlib.contextmanager
def on_sigusr1(actions: Sequence[Callable[[], None]]) -> Iterator[None]:
    """Make all ``requests`` at every SIGUSR1, where the platform has it."""
    number = getattr(signal, _REQUEST_SIGNAL, None)
    if number is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(number)
    if before in (signal.SIG_IGN, None):
        yield
        return

    def handle(number: int, frame: object) -> None:
        for request in actions:
            request()

    signal.signal(number, handle)
    try:
        yield
    finally:
        signal.signal(number, before)


def raise_sigusr1() -> bool:
    """Send this process the signal that asks for a report; return whether somebody listens."""
    number = getattr(signal, _REQUEST_SIGNAL, None)
    if number is None or not callable(signal.getsignal(number)):
        return False
    signal.raise_signal(number)
    return True
