"""Output to a pipe or terminal that was closed at the other end."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def redirect_to_devnull(stream: TextIO) -> None:
    """Discard all further output to ``stream``, at the level of its file descriptor."""
    if isinstance(stream, io.TextIOWrapper):
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)


@contextmanager
def tolerate_closed_stderr() -> Iterator[None]:
    """Suppress an OSError, and discard all further output to standard error.

    Training continues when the terminal or the reader of its log is gone.
    """
    try:
        yield
    except OSError:
        redirect_to_devnull(sys.stderr)
