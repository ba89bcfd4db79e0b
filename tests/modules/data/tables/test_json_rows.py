"""JSON: lines, arrays, exports, and what is broken in them."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables_by_hand import message, rows, table

from charloom.data.reading_notes import ReadingNotes
from charloom.data.tables.rows import read_rows
from charloom.settings import TextSettings


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


def test_lone_surrogates_of_jsonl_are_replaced(tmp_path: Path) -> None:
    file = table(tmp_path / "x", '{"text": "a", "\\ud83d": " b\\udc00 "}\n', "jsonl")
    assert rows(file, columns=("text",), label_column="2") == [(["a"], "b\udc00")]
    assert message(file, columns=("c",)) == (
        "X has no column 'c'; it has text, \ufffd; give one of them with --column, by name or by "
        "number from 1."
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "b"', "Expecting ',' delimiter at column 13"),
        ("[1]", "not an object"),
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


@given(st.lists(st.tuples(st.text(), st.text()).map(list), min_size=1))
def test_jsonl_round_trip(tmp_path_factory: pytest.TempPathFactory, pairs: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("round") / "x.jsonl"
    lines = [json.dumps({"a": a, "b": b}) for a, b in pairs]
    file = table(path, "\n".join(lines), "jsonl")
    assert [fields for fields, _ in rows(file, columns=("a", "b"))] == pairs


EXPORT = '{"name": "chat", "ids": [1, 2], "messages": [{"text": "a"}, {"text": "b"}]}'


@pytest.mark.parametrize(
    "content",
    [
        '["a", "b"]',
        ' [\n  "a",\r\n  "b"\n]\n',
        '[{"text": "a"}, {"text": "b", "n": 1}]',
        '{"text": "a"}\n{"text": "b"}\n',
        '"a"\n\n"b"\n',
        EXPORT,
        json.dumps({"data": {"items": ["a", "b"]}}, indent=1),
    ],
)
def test_texts_are_found_in_any_usual_json(tmp_path: Path, content: str) -> None:
    assert rows(table(tmp_path / "x", content, "json")) == [(["a"], None), (["b"], None)]


def test_elements_of_an_array_know_their_line(tmp_path: Path) -> None:
    file = table(tmp_path / "x", '[\n{"text":\n "a"},\n\n{"text": "b"}]', "json")
    found = list(read_rows(file, TextSettings(), ReadingNotes()))
    assert [row.line for row in found] == [2, 5]


def test_a_long_array_is_read_in_parts(tmp_path: Path) -> None:
    texts = [f"text {k} \u0e01\\n " * (1 + k % 50) for k in range(30_000)]
    for indent in (None, 1):
        content = json.dumps([{"text": text} for text in texts], indent=indent)
        file = table(tmp_path / "x", content, "json")
        tracemalloc.start()
        found = sum(1 for _ in read_rows(file, TextSettings(), ReadingNotes()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == len(texts)
        assert peak < file.path.stat().st_size / 2


@given(st.lists(st.text() | st.integers().map(str), min_size=1), st.sampled_from([None, 0, 2]))
def test_json_array_round_trip(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("round") / "x.json"
    for value in (texts, [{"text": text} for text in texts], {"a": 1, "list": texts}):
        file = table(path, json.dumps(value, indent=indent), "json")
        expected = [[text] for text in texts]
        assert [fields for fields, _ in rows(file)] == expected


NEEDED = "a JSON array of objects or texts, or one object a line, is needed; mend that line."


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ('["a",\n"b"', f"X is broken at line 2: the array is not closed; {NEEDED}"),
        ('["a"\n"b"]', f"X is broken at line 2: a comma or ] is missing; {NEEDED}"),
        ('["a"]\n["b"]', f"X is broken at line 2: text follows the array; {NEEDED}"),
        ('["a",\n"b]', "X is broken at line 2: Unterminated string starting at; " + NEEDED),
        ("[" * 100_000, f"X is broken at line 1: nested too deep; {NEEDED}"),
        (
            '["a",\n3]',
            "X has a number in its array in line 2; its elements must be objects or texts; mend "
            "that line.",
        ),
        (
            '{"a": 1}',
            "X must hold one array of objects or texts, it holds none; write that array to a file "
            "of its own.",
        ),
        (
            '{"a": ["x"],\n "b": {"c": ["y"]}}',
            "X must hold one array of objects or texts, it holds 2: a, b.c; write that array to a "
            "file of its own.",
        ),
        (
            '{"a":\n [}',
            "X is broken at line 2: Expecting value at column 3; an array of objects or texts, or "
            "one object a line, is needed; mend that line.",
        ),
    ],
)
def test_other_json_is_refused(tmp_path: Path, content: str, seen: str) -> None:
    assert message(table(tmp_path / "x", content, "json")) == seen


def test_broken_json_lines_are_left_out(tmp_path: Path) -> None:
    content = '{"text": "a"}\nbroken\n{"txt": "b"}\n{"text": "c"}\n'
    file = table(tmp_path / "x", content, "jsonl")
    found = list(read_rows(file, TextSettings(errors="skip"), ReadingNotes()))
    assert [row.fields for row in found] == [["a"], [], [], ["c"]]
    assert [row.line for row in found if row.fault is not None] == [2, 3]
