"""Delimited text: delimiters, broken rows, rows of other widths."""

from pathlib import Path
from typing import Any

import pytest
from tables_by_hand import message, rows, table

from charloom.data.reading_notes import ReadingNotes
from charloom.data.tables.rows import read_rows
from charloom.errors import SettingsError
from charloom.settings import TextSettings


@pytest.mark.parametrize(("line", "form"), [("a;b;c", "csv"), ("a,b", "tsv")])
@pytest.mark.parametrize(("asked", "seen"), [("b", None), ("2", "1")])
def test_other_separators_are_hinted_at(
    tmp_path: Path, line: str, form: Any, asked: str, seen: str | None
) -> None:
    file = table(tmp_path / "x", f"{line}\nd\n", form)
    assert message(file, columns=(asked,)) == (
        f"X has no column {asked!r}; it has {seen or line}; name the character between its "
        "columns with --delimiter; give one of them with --column, by name or by number from 1."
    )


def test_broken_csv_names_the_line(tmp_path: Path) -> None:
    remedy = '; a quoted field must be closed, and a quote inside it written twice (""); mend that'
    unclosed = message(table(tmp_path / "x", 'text\none\n"two\nthree\n'))
    assert unclosed == f"X is broken at line 4: unexpected end of data{remedy} line."
    inside = message(table(tmp_path / "x", 'text\none\n"two" 2\n'))
    assert inside == f"X is broken at line 3: ',' expected after '\"'{remedy} line."
    short = message(table(tmp_path / "x", 'a,"b\nc",d\n\n1\n'), columns=("d",))
    assert short == "X has 1 column in line 4; 3 are needed; give every row all its columns."


def test_unusual_csv_content_is_read(tmp_path: Path) -> None:
    long = "x" * 2_000_000  # the csv module's own limit is 131,072
    content = f'text\r"nul \0 here"\r\n"{long}"\n\u05e9\u05dc\u05d5\u05dd \U0001f600\u2028e\u0301'
    assert [fields for fields, _ in rows(table(tmp_path / "x", content))] == [
        ["nul \0 here"],
        [long],
        ["\u05e9\u05dc\u05d5\u05dd \U0001f600\u2028e\u0301"],
    ]


def test_a_first_line_may_state_the_delimiter(tmp_path: Path) -> None:
    assert rows(table(tmp_path / "x", 'sep=;\nid;text\n1;"a;b"\n')) == [(["a;b"], None)]
    broken = message(table(tmp_path / "x", "SEP=;\r\nid;text\r\n1\r\n"))
    assert broken.startswith("X has 1 column in line 3; 2 are needed; ")


@pytest.mark.parametrize("given", ["tab", "\\t", "\t"])
def test_a_delimiter_has_names(tmp_path: Path, given: str) -> None:
    file = table(tmp_path / "x", "id\ttext\n1\ta, b\n")
    assert rows(file, delimiter=given) == [(["a, b"], None)]


@pytest.mark.parametrize("given", ["", ",,", "\n", '"', "comas"])
def test_another_delimiter_is_refused(given: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TextSettings(delimiter=given)
    assert str(caught.value) == (
        f"delimiter is {given!r}; allowed: one character other than a quote or line break, \\t, "
        "comma, pipe, semicolon, space, tab."
    )


@pytest.mark.parametrize(
    ("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_a_delimiter_is_guessed_from_the_header(tmp_path: Path, delimiter: str, name: str) -> None:
    content = f'id{delimiter}text\n1{delimiter}"a, b"\n2{delimiter}c\n'
    notes = ReadingNotes()
    assert rows(table(tmp_path / "x", content), notes) == [(["a, b"], None), (["c"], None)]
    assert notes.sentences() == (
        f"X: its columns are separated by {name}; --delimiter chooses another.",
    )
    assert rows(table(tmp_path / "x", content), delimiter=",", columns=("1",), errors="skip") != []


def test_signs_in_a_text_are_no_delimiter(tmp_path: Path) -> None:
    notes = ReadingNotes()
    prose = "quotes\nto be; or not\nto be\nthat is; the; question\n"
    assert len(rows(table(tmp_path / "x", prose), notes)) == 3
    assert len(rows(table(tmp_path / "x", "a; b\nc; d\n"), notes, header=False)) == 2
    assert notes.sentences() == ()


def test_a_row_with_more_columns_than_the_first_is_refused(tmp_path: Path) -> None:
    assert message(table(tmp_path / "x", "id,text\n1,hello, world\n")) == (
        "X has 3 columns in line 2; its first row has 2; put quotes around a field that holds the "
        "delimiter, or name another with --delimiter."
    )
    assert rows(table(tmp_path / "x", "id,text\n1,hello,, \n")) == [(["hello"], None)]


@pytest.mark.parametrize("errors", ["replace", "skip"])
def test_broken_rows_are_left_out_one_by_one(tmp_path: Path, errors: str) -> None:
    content = 'id,text\n1,"a"b\n2,good\n3,x,y\n4\n5,"open\n6,also good\n'
    file = table(tmp_path / "x", content)
    found = list(read_rows(file, TextSettings(errors=errors), ReadingNotes()))  # type: ignore[arg-type]
    assert [(row.line, row.fields) for row in found if row.fault is None] == [
        (3, ["good"]),
        (7, ["also good"]),
    ]
    faults = {row.line: row.fault for row in found if row.fault is not None}
    assert list(faults) == [2, 4, 5, 6]
    assert (faults[4] or "").startswith("X has 3 columns in line 4; ")


def test_a_quote_that_stays_open_does_not_swallow_the_rest(tmp_path: Path) -> None:
    content = 'text\n"open\n' + "line\n" * 5000 + '"'
    file = table(tmp_path / "x", content)
    found = list(read_rows(file, TextSettings(errors="skip"), ReadingNotes()))
    assert sum(row.fields == ["line"] for row in found) >= 4000


def test_any_white_space_may_be_the_delimiter(tmp_path: Path) -> None:
    smiles = "CCO  ethyl alcohol\nC\tmethane\n\nN ammonia\n"
    file = table(tmp_path / "x", smiles, "delimited")
    first = rows(file, delimiter="space", columns=("1",))
    assert first == [(["CCO"], None), (["C"], None), (["N"], None)]
    names = rows(file, delimiter="space", columns=("2",))
    assert names[0] == (["ethyl alcohol"], None)
    named = table(tmp_path / "x", "smiles name\n" + smiles, "delimited")
    assert rows(named, delimiter="space", columns=("name",)) == names


def test_quotes_are_ordinary_in_tab_separated_texts(tmp_path: Path) -> None:
    file = table(tmp_path / "x", 'a\t"b\nc\td"e\n', "delimited")
    assert rows(file, delimiter="tab", columns=("2",)) == [(['"b'], None), (['d"e'], None)]


def test_a_blank_line_is_a_row_only_of_a_single_column(tmp_path: Path) -> None:
    assert rows(table(tmp_path / "x", "\ntext\na\n\nb\n")) == [
        (["a"], None),
        ([""], None),
        (["b"], None),
    ]
    assert len(rows(table(tmp_path / "x", "id,text\n1,a\n\n2,b\n"))) == 2
