"""Output whose reader has gone."""

import io
import os
from typing import TextIO


def redirect_to_devnull(stream: TextIO) -> None:
    """Discard all further output to ``stream``, whose reader has closed the pipe."""
    if isinstance(stream, io.TextIOWrapper):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
