"""What commands write: results on standard output, all else on standard error."""

import io
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from charloom.formatting import display_width, escape_controls, pad, unknown_symbols_note
from charloom.progress.closed_output import redirect_to_devnull


def force_utf8() -> None:
    """Write UTF-8 whatever the locale says; what is no text, such as half a surrogate, as ``?``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def note(message: str) -> None:
    """Say something about the work, as one line on standard error; nobody need be listening."""
    try:
        print("charloom:", " ".join(message.splitlines()), file=sys.stderr, flush=True)
    except OSError:
        redirect_to_devnull(sys.stderr)


def write_message(text: str = "", *, end: str = "\n") -> None:
    """Say something to the person at the other end, on standard error and at once."""
    try:
        print(escape_controls(text), end=end, file=sys.stderr, flush=True)
    except OSError:
        redirect_to_devnull(sys.stderr)


def write_result(text: str, *, end: str = "\n") -> None:
    """Write a result; on a terminal, characters that it would obey are spelled out."""
    print(escape_controls(text) if sys.stdout.isatty() else text, end=end)


def flush() -> None:
    """Show at once what was written so far."""
    sys.stdout.flush()


def write_json(value: Any) -> None:
    """Write one JSON value on one line."""
    print(json.dumps(value, ensure_ascii=False))


def write_table(rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Write rows of cells as aligned columns; those numbered in ``right`` are flush right."""
    lines = [[escape_controls(cell) for cell in row] for row in rows]
    columns = [max(map(display_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            " " * (columns[index] - display_width(cell)) + cell
            if index in right
            else pad(cell, columns[index])
            for index, cell in enumerate(line)
        )
        print("  ".join(cells).rstrip())


def note_unknown_symbols(symbols: Iterable[str]) -> None:
    """Tell once of the symbols of the prompts that the model does not know."""
    for message in unknown_symbols_note(symbols):
        note(message)
