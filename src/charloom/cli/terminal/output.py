"""Output of commands: results on standard output, all else on standard error."""

import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from charloom.cli.terminal.columns import display_width, pad
from charloom.formatting import escape_controls, unknown_symbols_note
from charloom.progress.closed_output import tolerate_closed_stderr


def force_utf8() -> None:
    """Write UTF-8 in every locale; lone surrogates are written as ``?``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def note(message: str) -> None:
    """Write a message as one line on standard error, which may be closed."""
    with tolerate_closed_stderr():
        line = escape_controls(" ".join(message.splitlines()))
        print("charloom:", line, file=sys.stderr, flush=True)


def note_unknown_symbols(symbols: Iterable[str]) -> None:
    """Write one note if there are symbols that the model does not know."""
    for message in unknown_symbols_note(symbols):
        note(message)


def write_message(text: str = "", *, end: str = "\n") -> None:
    """Write a part of a dialogue on standard error, without delay."""
    with tolerate_closed_stderr():
        print(escape_controls(text), end=end, file=sys.stderr, flush=True)


def write_result(text: str, *, end: str = "\n") -> None:
    """Write a result; on a terminal, control characters are escaped."""
    print(escape_controls(text) if sys.stdout.isatty() else text, end=end)


def write_json(value: Any) -> None:
    """Write one JSON value on one line of standard output."""
    print(json.dumps(value, ensure_ascii=False))


def write_table(rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Write rows as aligned columns; those numbered in ``right`` are aligned right."""
    for line in _align(rows, right):
        print(line)


def write_message_table(rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Write rows like ``write_table``, on standard error."""
    for line in _align(rows, right):
        write_message(line)


def _align(rows: Iterable[Sequence[str]], right: Sequence[int]) -> Iterator[str]:
    lines = [[escape_controls(cell) for cell in row] for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            pad(cell, width, right=column in right)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def flush() -> None:
    """Send the results written so far to their reader."""
    sys.stdout.flush()
