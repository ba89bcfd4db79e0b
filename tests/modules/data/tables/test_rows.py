"""Rows of any format: bytes that are not in the encoding."""

from pathlib import Path

import pytest

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Format, SourceFile
from charloom.data.tables.rows import read_rows
from charloom.settings import TextSettings

CONTENT: list[tuple[Format, bytes]] = [
    ("csv", b'id,text\n1,"caf\xe9\n x"\n2,good\n'),
    ("jsonl", b'{"text": "caf\xe9"}\n{"text": "good"}\n'),
    ("json", b'[{"text": "caf\xe9"}, {"text": "good"}]'),
]


@pytest.mark.parametrize(("form", "content"), CONTENT)
def test_rows_with_invalid_bytes_are_replaced_or_skipped(
    tmp_path: Path, form: Format, content: bytes
) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    file = SourceFile(path=path, name="X", format=form)
    notes = ReadingNotes()
    replaced = list(read_rows(file, TextSettings(errors="replace"), notes))
    assert replaced[0].fields[0].startswith("caf\ufffd")
    assert notes.invalid == 1
    bad, good = read_rows(file, TextSettings(errors="skip"), ReadingNotes())
    assert good.fields == ["good"]
    assert bad.fields == []
    assert bad.fault == f"X is not UTF-8 in line {bad.line}."
