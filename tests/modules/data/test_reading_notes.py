"""Notes on reading: what cleaning changed, what was replaced, left out or guessed."""

import json
from pathlib import Path
from typing import Any

import pytest

from charloom.data.readers import read_documents
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.settings import TextSettings


def notes_on(path: Path, content: bytes, **settings: Any) -> tuple[list[str], tuple[str, ...]]:
    path.write_bytes(content)
    notes = ReadingNotes()
    file = SourceFile(path=path, name="X")
    found = list(read_documents([file], TextSettings(**settings), None, notes))
    return [document.text for document in found], notes.sentences()


def test_cleaning_reports_what_it_changed(tmp_path: Path) -> None:
    content = b"<b>one</b>\n two &amp; \nthree\n<br>\n\n"
    texts, sentences = notes_on(tmp_path / "x", content)
    assert texts == ["one", "two &", "three"]
    assert sentences == (
        "cleaning changed 3 of 4 texts (HTML tags in 2, HTML entities in 1, outer white space in "
        "1, nothing left of 1); --no-clean keeps them as they are.",
    )
    assert notes_on(tmp_path / "x", content, clean=False)[1] == ()


@pytest.mark.parametrize("unit", ["line", "document", "stream"])
def test_removed_characters_are_reported(tmp_path: Path, unit: str) -> None:
    content = b"It\x92s \x80 5\nab\n"
    _, (sentence,) = notes_on(tmp_path / "x", content, encoding="latin-1", unit=unit)
    assert "C1 controls in 1" in sentence
    assert sentence.endswith(
        "C1 controls are signs of Windows-1252, which --encoding cp1252 reads."
    )


def test_invalid_bytes_are_counted(tmp_path: Path) -> None:
    content = b"a\nIt\x92s \x80 5\nb\n\x93\n"
    texts, sentences = notes_on(tmp_path / "x", content, errors="replace")
    assert texts == ["a", "It\ufffds \ufffd 5", "b", "\ufffd"]
    assert sentences == (
        "X is not UTF-8 in line 2 (its bytes suggest --encoding cp1252); 3 such places became "
        "U+FFFD.",
    )
    texts, sentences = notes_on(tmp_path / "x", content, errors="skip")
    assert texts == ["a", "b"]
    assert sentences == (
        "2 lines were left out; the first: X is not UTF-8 in line 2 (its bytes suggest --encoding "
        "cp1252).",
    )


def test_remarks_on_several_files_are_counted() -> None:
    notes = ReadingNotes()
    for name in "abc":
        notes.add_remark("column", f"{name}: its texts.")
    assert notes.sentences() == ("a: its texts; likewise in 2 other files.",)


def test_notes_are_stored_and_files_renamed() -> None:
    notes = ReadingNotes(files=["a.csv", "b.csv"])
    notes.add_remark("column", "a.csv: its texts.")
    notes.count_text(["HTML tags"], blank=False)
    notes.count_skipped("b.csv has 3 columns in line 2.")
    copy = ReadingNotes.from_json(json.loads(json.dumps(notes.to_json())))
    assert copy == notes
    copy.rename_files(["c.csv", "d.csv"])
    assert copy.sentences()[:2] == (
        "c.csv: its texts.",
        "1 line was left out; the first: d.csv has 3 columns in line 2.",
    )
