"""Signals to a run: those that stop it, and the one that saves and shows samples."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Final

# Windows does not have all of them.
_STOP_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
_SAVE_SIGNAL: Final = "SIGUSR1"


@contextlib.contextmanager
def stop_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first SIGINT, SIGTERM or SIGHUP.

    The second one has its usual effect. A signal other than SIGINT ends more than the training, so
    it is raised again on exit.
    """
    # Python allows signal handlers in the main thread only.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _STOP_SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    # Background jobs of a script ignore SIGINT, and those under nohup SIGHUP: that is respected.
    handled = [number for number in numbers if before[number] not in (signal.SIG_IGN, None)]
    received: list[int] = []

    def restore() -> None:
        for number in handled:
            signal.signal(number, before[number])

    def handle(number: int, frame: object) -> None:
        restore()
        received.append(number)
        stop()

    for number in handled:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
    for number in received:
        if number != signal.SIGINT:
            signal.raise_signal(number)


@contextlib.contextmanager
def on_sigusr1(action: Callable[[], None]) -> Iterator[None]:
    """Call ``action`` at every SIGUSR1, where the platform has it."""
    number = getattr(signal, _SAVE_SIGNAL, None)
    if number is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(number)
    if before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(number, lambda *_: action())
    try:
        yield
    finally:
        signal.signal(number, before)


def raise_sigusr1() -> bool:
    """Send SIGUSR1 to this process if it has a handler; return whether it has one.

    Without a handler the signal would end the process.
    """
    number = getattr(signal, _SAVE_SIGNAL, None)
    if number is None or not callable(signal.getsignal(number)):
        return False
    signal.raise_signal(number)
    return True
