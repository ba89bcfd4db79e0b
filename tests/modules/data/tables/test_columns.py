"""Columns by name and number, with and without header, chosen or guessed."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tables_by_hand import ALBUM, message, rows, table

from charloom.data.reading_notes import ReadingNotes


def test_columns_are_chosen_by_name_or_number(tmp_path: Path) -> None:
    album = table(tmp_path / "x", ALBUM)
    assert rows(album, columns=("title",)) == [(['A, "b"'], None), (["C"], None)]
    assert rows(album, columns=("body", "title"), label_column="class") == [
        (["x\ny", 'A, "b"'], "1"),
        (["z", "C"], None),
    ]
    assert rows(album, columns=("2",), header=True) == rows(album, columns=("title",))
    assert rows(album, columns=("title",), label_column="1")[0][1] == "1"
    assert rows(album, columns=("2",))[0] == (["title"], None)  # by number: no header line


def test_columns_of_a_file_without_header_can_have_names(tmp_path: Path) -> None:
    plain = table(tmp_path / "x", "3,Fears\r\n4,Hopes\r\n")
    named = dataclasses.replace(plain, column_names=("class", "title"))
    assert rows(named, columns=("title",), label_column="class") == [
        (["Fears"], "3"),
        (["Hopes"], "4"),
    ]
    assert rows(named, columns=("2",)) == [(["Fears"], None), (["Hopes"], None)]


def test_the_column_text_or_the_only_one_is_the_default(tmp_path: Path) -> None:
    assert rows(table(tmp_path / "x", "a,text\n1,hi\n")) == [(["hi"], None)]
    assert rows(table(tmp_path / "x", "title\nhi\n")) == [(["hi"], None)]
    assert rows(table(tmp_path / "x", "hi\nho\n"), header=False) == [(["hi"], None), (["ho"], None)]
    assert rows(table(tmp_path / "x", "a\ttext\n1\t hi, ho\n", "tsv")) == [([" hi, ho"], None)]
    assert rows(table(tmp_path / "x", '\ufeff{"text": "hi", "n": 1}\n', "jsonl")) == [
        (["hi"], None)
    ]


def test_one_of_several_columns_must_be_chosen(tmp_path: Path) -> None:
    assert message(table(tmp_path / "x", ALBUM)) == (
        'X has 3 columns: class (1), title (A, "b"), body (x y); one of them, or several, must be '
        "chosen; choose with --column, by name or by number from 1."
    )


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({"columns": ("titel",)}, "'titel'; it has class, title, body; give one of them with "),
        ({"columns": ("4",)}, "'4'; it has 1, 2, 3; give one of them with "),
        ({"columns": ("0",)}, "'0'; it has 1, 2, 3; give one of them with "),
    ],
)
def test_a_missing_column_is_reported(tmp_path: Path, settings: Any, seen: str) -> None:
    expected = f"X has no column {seen}--column, by name or by number from 1."
    assert message(table(tmp_path / "x", ALBUM), **settings) == expected
    labelled = message(table(tmp_path / "x", ALBUM), columns=("title",), label_column="kind")
    assert labelled.startswith("X has no column 'kind'; it has class, title, body; give one")
    assert "with --label-column" in labelled


def test_at_most_thirty_columns_are_listed(tmp_path: Path) -> None:
    many = ",".join(f"c{number}" for number in range(500))
    assert message(table(tmp_path / "x", many + "\n")).count(", c") == 29


def test_long_names_are_shortened(tmp_path: Path) -> None:
    file = table(tmp_path / "x", f"{'n' * 41},{'m' * 40}\n")
    assert f"it has {'n' * 40}..., {'m' * 40}; give" in message(file, columns=("a",))


def test_a_column_number_of_thousands_of_digits_is_reported(tmp_path: Path) -> None:
    long = "7" * 5000
    assert message(table(tmp_path / "x", "a,b\n1,2\n"), columns=(long,)) == (
        f"X has no column '{long[:40]}...'; it has 1, 2; give one of them with --column, by "
        "name or by number from 1."
    )


@pytest.mark.parametrize(
    ("content", "column", "texts"),
    [
        ("id,title,when\n1,Foo bar,2024-01-02\n2,Baz,2024-01-03\n", "title", ["Foo bar", "Baz"]),
        (
            "id,say,price,url\n7,One,$5.00,http://a.b/c\n8,Two,6,https://x\n",
            "say",
            ["One", "Two"],
        ),
        (
            "name,country\n" + "".join(f"Name{k}x,{'AB'[k % 2]}land\n" for k in range(40)),
            "name",
            [f"Name{k}x" for k in range(40)],
        ),
    ],
)
def test_the_only_column_of_texts_is_used_and_reported(
    tmp_path: Path, content: str, column: str, texts: list[str]
) -> None:
    notes = ReadingNotes()
    assert [fields for fields, _ in rows(table(tmp_path / "x", content), notes)] == [
        [text] for text in texts
    ]
    assert notes.sentences() == (
        f"X: its texts are taken from column {column!r}; --column chooses another.",
    )


def test_the_column_of_labels_is_not_taken_for_texts(tmp_path: Path) -> None:
    file = table(tmp_path / "x", "who,line\nAnn,hello\nBob,bye\n")
    assert rows(file, label_column="who") == [(["hello"], "Ann"), (["bye"], "Bob")]
    assert message(file).startswith("X has 2 columns: who (Ann), line (hello); one of them")


def test_a_first_row_that_looks_like_a_text_is_doubted(tmp_path: Path) -> None:
    long = "A text that is longer than any name of a column"
    seen = message(table(tmp_path / "x", f"3,{long},b\n4,x,y\n"))
    assert seen.endswith(
        "choose with --column, by name or by number from 1; add --no-header if its first row is a "
        "text."
    )
