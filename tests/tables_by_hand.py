"""Small tables, and their rows."""

from pathlib import Path
from typing import Any

import pytest

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Format, SourceFile
from charloom.data.tables.rows import read_rows
from charloom.errors import SourceError
from charloom.settings import TextSettings

ALBUM = 'class,title,body\n1,"A, ""b""","x\ny"\n\n,C,z\n'


def table(path: Path, content: str, form: Format = "csv") -> SourceFile:
    """Write a table and return it under the name X."""
    path.write_text(content, encoding="utf-8", newline="")
    return SourceFile(path=path, name="X", format=form)


def rows(
    file: SourceFile, notes: ReadingNotes | None = None, **settings: Any
) -> list[tuple[list[str], str | None]]:
    """Return the fields and the label of each row."""
    notes = ReadingNotes() if notes is None else notes
    return [(row.fields, row.label) for row in read_rows(file, TextSettings(**settings), notes)]


def message(file: SourceFile, **settings: Any) -> str:
    """Return the message with which a table is refused."""
    with pytest.raises(SourceError) as caught:
        rows(file, **settings)
    return str(caught.value)
