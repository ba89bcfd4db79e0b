"""Tables: columns by name and number, with and without header, and rows that are broken."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.data.tables import Row, read_rows
from charloom.data.text_files import Format, SourceFile
from charloom.errors import SourceError
from charloom.settings import TextSettings


def table(path: Path, content: str, form: Format = "csv") -> SourceFile:
    path.write_text(content, encoding="utf-8", newline="")
    return SourceFile(path=path, name="X", format=form)


def rows(file: SourceFile, **settings: Any) -> list[Row]:
    return list(read_rows(file, TextSettings(**settings)))


def message(file: SourceFile, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        rows(file, **settings)
    return str(caught.value)


ALBUM = 'class,title,body\n1,"A, ""b""","x\ny"\n\n,C,z\n'


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
        "X has 3 columns: class, title, body; one of them, or several, must be chosen; "
        "choose with --column, by name or by number from 1."
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


@pytest.mark.parametrize(("line", "form"), [("a;b", "csv"), ("a\tb", "csv"), ("a;b", "tsv")])
@pytest.mark.parametrize(("asked", "seen"), [("b", None), ("2", "1")])
def test_other_separators_are_hinted_at(
    tmp_path: Path, line: str, form: Any, asked: str, seen: str | None
) -> None:
    file = table(tmp_path / "x", f"{line}\n", form)
    assert message(file, columns=(asked,)) == (
        f"X has no column {asked!r}; it has {seen or line} (fields are separated by commas, in "
        ".tsv files by tabs); give one of them with --column, by name or by number from 1."
    )


def test_broken_csv_names_the_line(tmp_path: Path) -> None:
    remedy = '; a quoted field must be closed, and a quote inside it written twice (""); mend that'
    unclosed = message(table(tmp_path / "x", 'text\none\n"two\nthree\n'))
    assert unclosed == f"X is broken at line 4: unexpected end of data{remedy} line."
    inside = message(table(tmp_path / "x", 'text\none\n"two" 2\n'))
    assert inside == f"X is broken at line 3: ',' expected after '\"'{remedy} line."
    short = message(table(tmp_path / "x", 'a,"b\nc",d\n\n1\n'), columns=("d",))
    assert short == "X has 1 columns in line 4; 3 are needed; give every row all its columns."


def test_unusual_csv_content_is_read(tmp_path: Path) -> None:
    long = "x" * 2_000_000  # the csv module's own limit is 131,072
    content = f'text\r"nul \0 here"\r\n"{long}"\n\u05e9\u05dc\u05d5\u05dd \U0001f600\u2028e\u0301'
    assert [fields for fields, _ in rows(table(tmp_path / "x", content))] == [
        ["nul \0 here"],
        [long],
        ["\u05e9\u05dc\u05d5\u05dd \U0001f600\u2028e\u0301"],
    ]


def test_null_numbers_and_blank_lines_of_jsonl_are_read(tmp_path: Path) -> None:
    content = '{"n": 3, "text": "a\\u2028b"}\n\n{"text": null, "n": ""}\n{"n": 1.5, "text": 7}\n'
    assert rows(table(tmp_path / "x", content, "jsonl"), label_column="n") == [
        (["a\u2028b"], "3"),
        ([""], None),
        (["7"], "1.5"),
    ]
    by_number = rows(table(tmp_path / "x", content, "jsonl"), columns=("2",))
    assert by_number[0] == (["a\u2028b"], None)


def test_numbers_of_jsonl_keep_their_spelling(tmp_path: Path) -> None:
    long = "7" * 5000  # Python's own limit is 4300 digits
    for number in (long, "-0", "1.50", "1e999", "true"):
        assert rows(table(tmp_path / "x", f'{{"text": {number}}}', "jsonl")) == [([number], None)]


def test_a_column_number_of_thousands_of_digits_is_reported(tmp_path: Path) -> None:
    long = "7" * 5000
    assert message(table(tmp_path / "x", "a,b\n1,2\n"), columns=(long,)) == (
        f"X has no column '{long[:40]}...'; it has 1, 2; give one of them with --column, by "
        "name or by number from 1."
    )


def test_lone_surrogates_of_jsonl_are_replaced(tmp_path: Path) -> None:
    file = table(tmp_path / "x", '{"text": "a", "\\ud83d": " b\\udc00 "}\n', "jsonl")
    assert rows(file, columns=("text",), label_column="2") == [(["a"], "b\ufffd")]
    assert message(file, columns=("c",)) == (
        "X has no column 'c'; it has text, \ufffd; give one of them with --column, by name or by "
        "number from 1."
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "b"', "Expecting ',' delimiter at column 13"),
        ('"text"', "not an object"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_broken_json_names_the_line(tmp_path: Path, line: str, reason: str) -> None:
    assert message(table(tmp_path / "x", '{"text": "a"}\n\n' + line + "\n", "jsonl")) == (
        f"X is broken at line 3: {reason}; each line must be one JSON object such as "
        '{"text": "..."}; mend that line.'
    )


def test_json_lines_with_other_names_or_types_are_reported(tmp_path: Path) -> None:
    missing = message(table(tmp_path / "x", '{"text": "a"}\n{"txt": "b"}\n', "jsonl"))
    assert missing == (
        "X has no 'text' in line 2; that line has txt; give every line the same names."
    )
    nested = message(table(tmp_path / "x", '{"text": ["a"]}\n', "jsonl"))
    assert nested == (
        "X has a list as 'text' in line 1; a text, number or null is needed; choose another with "
        "--column, or mend that line."
    )


@pytest.mark.needs("polars")
def test_parquet_is_read_by_name_and_number(tmp_path: Path) -> None:
    import polars

    path = tmp_path / "x[1].parquet"  # brackets are part of the name, not a glob
    count = 70_000  # more than one slice
    texts = [f"title {number}" for number in range(count - 1)] + [None]
    polars.DataFrame({"text": texts, "class": range(count)}).write_parquet(path)
    file = SourceFile(path=path, name="X", format="parquet")
    read: list[int] = []
    found = list(read_rows(file, TextSettings(label_column="class"), read.append))
    assert found == [([text or ""], str(number)) for number, text in enumerate(texts)]
    assert sum(read) == path.stat().st_size
    both = rows(file, columns=("2", "text", "text"))
    assert both[5] == (["5", "title 5", "title 5"], None)
    assert message(file, columns=("titel",)).startswith("X has no column 'titel'; it has text, cla")


@pytest.mark.needs("polars")
def test_damaged_parquet_is_reported(tmp_path: Path) -> None:
    import polars

    path = tmp_path / "x.parquet"
    polars.DataFrame({"text": ["a"] * 1000}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    seen = message(SourceFile(path=path, name="X", format="parquet"))
    assert seen.startswith("X cannot be read as parquet: ")
    assert seen.endswith(
        "; a whole parquet file whose chosen columns are text is needed; fetch or write it again."
    )
    assert "\n" not in seen
    absent = SourceFile(path=tmp_path / "absent", name="X", format="parquet")
    assert message(absent).startswith("X cannot be read: No such file")


@given(st.lists(st.tuples(st.text(), st.text()).map(list), min_size=1))
def test_jsonl_round_trip(tmp_path_factory: pytest.TempPathFactory, pairs: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("round") / "x.jsonl"
    lines = [json.dumps({"a": a, "b": b}) for a, b in pairs]
    file = table(path, "\n".join(lines), "jsonl")
    assert [fields for fields, _ in rows(file, columns=("a", "b"))] == pairs
