"""The notice before code is compiled, as in the first run on a machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

FIRST_TIME: Final = "code is compiled for this machine, the first time only: about ten seconds."
EACH_TIME: Final = (
    "code is compiled each time, about ten seconds, since no folder that can be written was found "
    "to keep it: set CHARLOOM_CACHE to one."
)

Listener = Callable[[str], None]
"""Called with one of the notices, possibly on another thread."""

_listeners: list[Listener] = []


@contextmanager
def on_compilation(listener: Listener, *, outermost: bool = False) -> Iterator[None]:
    """Call ``listener`` before code is compiled, at most once.

    It applies to all threads of the process. Of nested contexts, the inner one applies, unless it
    is ``outermost``.

    >>> with on_compilation(print):
    ...     announce(FIRST_TIME)
    code is compiled for this machine, the first time only: about ten seconds.
    """
    announced = False

    def announce_once(notice: str) -> None:
        nonlocal announced
        if not announced:
            announced = True
            listener(notice)

    _listeners.insert(0 if outermost else len(_listeners), announce_once)
    try:
        yield
    finally:
        _listeners.remove(announce_once)


def announce(notice: str) -> None:
    """Report that code is about to be compiled."""
    if _listeners:
        _listeners[-1](notice)
