"""Documents of files: units, blank lines, columns in several files, unusual content."""

import csv
import tracemalloc
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.data.readers import read_documents
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Format, SourceFile
from charloom.errors import SourceError
from charloom.settings import TextSettings
from charloom.text.cleaning import clean
from charloom.text.documents import Document

HEADLINES = Path(__file__).parents[3] / "shared" / "data" / "chinese_headlines.csv"


def stored(path: Path, text: str, form: Format = "text") -> SourceFile:
    path.write_text(text, encoding="utf-8", newline="")
    return SourceFile(path=path, name=path.name, format=form)


def texts(*files: SourceFile, **settings: Any) -> list[str]:
    return [document.text for document in read_documents(files, TextSettings(**settings))]


def message(*files: SourceFile, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        texts(*files, **settings)
    return str(caught.value)


def test_units_of_a_text_file(tmp_path: Path) -> None:
    file = stored(tmp_path / "x", "\ufeff one #39;s\r\n\r\n \t\rtwo \n\x85\n")
    assert texts(file) == ["one's", "two"]
    assert texts(file, unit="document") == [" one's\n\n \t\ntwo \n\n"]
    assert texts(file, unit="stream") == texts(file, unit="document")
    assert texts(file, clean=False) == [" one #39;s", "two "]
    whole = " one #39;s\r\n\r\n \t\rtwo \n\x85\n"
    assert texts(file, clean=False, unit="document") == [whole]


def test_texts_read_whole_beside_columns_are_reported(tmp_path: Path) -> None:
    files = [
        stored(tmp_path / "a.csv", "id,text\n1,one\n", "csv"),
        stored(tmp_path / "b.smi", "CC ethane\n"),
        stored(tmp_path / "c.smi", "C methane\n"),
    ]
    notes = ReadingNotes()
    read = list(read_documents(files, TextSettings(columns=("text",)), None, notes))
    assert [document.text for document in read] == ["one", "CC ethane", "C methane"]
    assert notes.sentences() == (
        f"{files[1].name} has no columns, so its texts are read whole; --delimiter reads it as a "
        "table too; likewise in 1 other file.",
    )


def test_rows_are_documents_whatever_the_unit(tmp_path: Path) -> None:
    content = "kind,title,body\nb, One  amp; , two\n,,\na,,three\n"
    file = stored(tmp_path / "x.csv", content, "csv")
    asked = TextSettings(columns=("title", "body"), label_column="kind")
    assert list(read_documents([file], asked)) == [
        Document(text="One & two", label="b"),
        Document(text="three", label="a"),
    ]
    assert texts(file, columns=("title",), unit="stream") == [" One & "]
    assert texts(file, columns=("body",), unit="document") == [" two", "three"]


def test_columns_apply_to_the_tables_among_the_files(tmp_path: Path) -> None:
    table = stored(tmp_path / "x.csv", "class,title\n1,one\n", "csv")
    plain = stored(tmp_path / "y.txt", "two\n")
    asked = TextSettings(columns=("title",), label_column="class")
    assert list(read_documents([plain, table], asked)) == [
        Document(text="two"),
        Document(text="one", label="1"),
    ]
    remedy = (
        "has no columns; columns are read from .csv, .tsv, .json, .jsonl and .parquet files, and "
        "with --delimiter from any other; add that, or leave the option out."
    )
    assert message(plain, columns=("2",)) == f"--column was given, but y.txt {remedy}"
    assert message(plain, label_column="2") == f"--label-column was given, but y.txt {remedy}"
    assert message(plain, header=True) == f"--header was given, but y.txt {remedy}"
    assert message(plain, header=False) == f"--no-header was given, but y.txt {remedy}"
    assert texts(plain, table, columns=("2",), header=True) == ["two", "one"]


@pytest.mark.parametrize("clean", [True, False])
def test_documents_and_labels_contain_no_lone_surrogates(tmp_path: Path, clean: bool) -> None:
    content = '{"text": "caf\\ud83d", "kind": "\\ud83d\\ude00\\udc00"}\n'
    file = stored(tmp_path / "x.jsonl", content, "jsonl")
    assert list(read_documents([file], TextSettings(label_column="kind", clean=clean))) == [
        Document(text="caf\ufffd", label="\U0001f600\ufffd")
    ]
    escaped = stored(tmp_path / "x.txt", "caf\\ud83d\n")
    for unit in ("line", "document"):
        [text] = texts(escaped, encoding="unicode_escape", clean=clean, unit=unit)
        assert text.strip() == "caf\ufffd"


@pytest.mark.parametrize("content", ["\n \n\t\r\n\u3000\n", "\ufeff\n\0\n", "\n"])
@pytest.mark.parametrize("unit", ["line", "document", "stream"])
def test_only_blank_lines_are_refused(tmp_path: Path, content: str, unit: str) -> None:
    assert message(stored(tmp_path / "x", content), unit=unit) == (
        "no text in x: only blank lines or fields; at least one that is not blank is needed; "
        "give another source or column."
    )


def test_a_blank_file_among_others_is_skipped(tmp_path: Path) -> None:
    files = [stored(tmp_path / "x", "\n"), stored(tmp_path / "y", "a\n")]
    assert texts(*files) == ["a"]


def test_every_file_is_read_in_order_and_its_bytes_are_reported(tmp_path: Path) -> None:
    files = [stored(tmp_path / f"{number}", f"line {number}\n" * 3) for number in range(4)]
    read_bytes: list[int] = []
    found = list(read_documents(files, TextSettings(), read_bytes.append))
    assert [document.text for document in found] == [f"line {k}" for k in range(4) for _ in "123"]
    assert sum(read_bytes) == 4 * 21


@pytest.mark.parametrize("unit", ["line", "document", "stream"])
def test_the_documents_of_each_file_are_counted(tmp_path: Path, unit: Any) -> None:
    """Also of a stream of several blocks, of a blank file and of a table."""
    long = "line of a long file\n" * 40_000
    files = [
        stored(tmp_path / "a", long),
        stored(tmp_path / "b", "\n \n"),
        stored(tmp_path / "c.csv", "text\none\n\ntwo\n", "csv"),
        stored(tmp_path / "d", "a\nb\n\nc\n"),
    ]
    notes, settings = ReadingNotes(), TextSettings(unit=unit)
    count = sum(1 for _ in read_documents(files, settings, notes=notes))
    assert notes.file_documents == ([40_000, 0, 2, 3] if unit == "line" else [1, 0, 2, 1])
    assert sum(notes.file_documents) == count


def test_one_line_of_fifty_megabytes_is_read(tmp_path: Path) -> None:
    line = "ab cd; " * 7_500_000 + "end"
    assert texts(stored(tmp_path / "x", line + "\nshort\n")) == [line, "short"]


def peak_memory(file: SourceFile) -> int:
    tracemalloc.start()
    for _ in read_documents([file], TextSettings()):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    line = "a line of some text, " * 20 + "\n"
    small = peak_memory(stored(tmp_path / "small", line * 10_000))
    large = peak_memory(stored(tmp_path / "large", line * 40_000))  # 17 MB
    assert large < 1.1 * small


def test_unusual_characters_are_read(tmp_path: Path) -> None:
    lines = [
        "nul\0nul",
        "\U0001f468\u200d\U0001f469",
        "\u05e9\u05dc\u05d5\u05dd \u200f!",
        "e\u0301",
    ]
    found = texts(stored(tmp_path / "x", "\ufeff" + "\r\n".join(lines)))
    assert found == ["nulnul", lines[1], lines[2], "\u00e9"]
    raw = texts(stored(tmp_path / "x", "\ufeff" + "\r\n".join(lines)), clean=False)
    assert raw == lines


@given(st.lists(st.text("ab &#39;\u0301\u2028 <b>\t"), min_size=1))
def test_lines_of_a_block_are_cleaned_as_if_alone(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    file = stored(tmp_path_factory.mktemp("lines") / "x", "\n".join(["first", *lines]))
    expected = [clean(line).strip() for line in ["first", *lines]]
    assert texts(file) == [line for line in expected if line]


@pytest.mark.skipif(not HEADLINES.exists(), reason="the shared data are not on this machine")
def test_real_headlines_with_line_breaks_in_quoted_fields() -> None:
    with HEADLINES.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    file = SourceFile(path=HEADLINES, name="headlines", format="csv")
    found = list(read_documents([file], TextSettings(label_column="label")))
    assert [document.label for document in found] == [label for _, _, label in rows]
    assert [document.text for document in found] == [
        unicodedata.normalize("NFC", text).strip() for text, _, _ in rows
    ]
