"""Texts of several lines: separators of every kind, and remarks on files that need one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.data.readers import read_documents
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.data.text_files import whole_lines
from charloom.data.text_parts import remark_on_parts, split_parts
from charloom.errors import SettingsError, SourceError
from charloom.settings import TextSettings

FILE = SourceFile(path=Path("x"), name="X")


def parts(text: str, **settings: str) -> list[str]:
    found = split_parts(FILE, whole_lines([text]), TextSettings(**settings))  # type: ignore[arg-type]
    return [part for part in found if part.strip()]


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("a\nb\n\n \nc\n", {"separator": ""}, ["a\nb", "c"]),
        ("a\r\nb\r\n\r\nc", {"separator": "\\n\\n"}, ["a\nb", "c"]),
        ("a\n%%\nb %% c\n %% \n  d\n", {"separator": "%%"}, ["a", "b %% c", "  d"]),
        ("a\n=====\nb\n====\n", {"separator": "====="}, ["a", "b\n===="]),
        ("a\n=====\nb\n====\n", {"separator_regex": "^=+$"}, ["a", "b"]),
        (">p1\nAC\nGT\n>p2\nTT\n", {"separator_regex": "^>.*"}, ["AC\nGT", "TT"]),
        (
            "[Event 1]\ne4 e5\n[Event 2]\nd4\n",
            {"separator_regex": r"^(?=\[Event)"},
            ["[Event 1]\ne4 e5", "[Event 2]\nd4"],
        ),
        ("one<|end|>two\nmore<|end|>\n", {"separator_regex": r"<\|end\|>"}, ["one", "two\nmore"]),
        ("a(1)b(2)c", {"separator_regex": r"\((\d)\)"}, ["a", "b", "c"]),
    ],
)
def test_a_file_is_divided_at_its_separators(
    text: str, settings: dict[str, str], expected: list[str]
) -> None:
    assert parts(text, **settings) == expected


@given(
    st.lists(st.lists(st.text("ab %", min_size=1).filter(str.strip), min_size=1), min_size=1),
    st.sampled_from(["%%%%%", ""]),
)
def test_joined_texts_are_divided_again(texts: list[list[str]], separator: str) -> None:
    texts = [[line.replace("%%%%%", "%") for line in lines] for lines in texts]
    joined = f"\n{separator}\n".join("\n".join(lines) for lines in texts)
    assert parts(joined, separator=separator) == ["\n".join(lines) for lines in texts]


def test_parts_are_documents_of_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("Roses  amp; red\n  violets\n\n\nOne\n", encoding="utf-8")
    notes = ReadingNotes()
    file = SourceFile(path=path, name="X")
    found = [d.text for d in read_documents([file], TextSettings(separator=""), None, notes)]
    assert found == ["Roses & red\n  violets", "One"]
    assert notes.texts == 2


def test_tables_and_streams_have_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text\na\n", encoding="utf-8")
    file = SourceFile(path=path, name="X", format="csv")
    with pytest.raises(SourceError) as refused:
        list(read_documents([file], TextSettings(separator="%")))
    assert str(refused.value) == (
        "a separator was given, but X is a table, of which each row is a text; leave --separator "
        "out."
    )
    with pytest.raises(SettingsError) as caught:
        TextSettings(separator="%", unit="stream")
    assert str(caught.value) == (
        "a separator was given with unit stream, which joins all texts; leave one of them out."
    )


def test_wrong_expressions_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        TextSettings(separator_regex="(")
    assert str(caught.value).startswith("separator-regex is '(', which is no regular expression: ")
    with pytest.raises(SettingsError) as both:
        TextSettings(separator_regex="a", separator="b")
    assert str(both.value) == (
        "--separator and --separator-regex were both given; one of them is allowed."
    )


def test_an_expression_that_takes_too_long_is_refused() -> None:
    hostile = "(?:a|aa)+$"
    with pytest.raises(SourceError) as caught:
        parts("a" * 200 + "b", separator_regex=hostile)
    assert str(caught.value) == (
        f"searching for {hostile!r} in line 1 of X took more than 2 s; an expression without "
        "nested repetitions is needed; simplify --separator-regex."
    )


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        (
            "a line\nof verse\n\n" * 20,
            "X has blank lines between groups of lines; each line is a text of its own, with "
            '--separator "" each group is.',
        ),
        (
            "a quote\nof two\n%\n" * 20,
            "X has lines '%' between groups of lines; each line is a text of its own, with "
            "--separator '%' each group is.",
        ),
        ("one\n\n" * 20, None),  # double spaced lines
        ("one\ntwo\n" * 50 + "\n" * 9, None),
        ("title\n" * 500, None),
    ],
)
def test_a_file_of_texts_of_several_lines_is_noticed(text: str, remark: str | None) -> None:
    notes = ReadingNotes()
    remark_on_parts(FILE, text, notes)
    assert notes.sentences() == ((remark,) if remark else ())
