import io
import json
import sys

import pytest

from charloom.cli.terminal import output


def test_results_go_to_standard_output_and_messages_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.write_result("result")
    output.note("two\nlines")
    output.write_message("question ", end="")
    output.write_message("answer")
    assert capsys.readouterr() == ("result\n", "charloom: two lines\nquestion answer\n")


def test_control_characters_of_results_are_escaped_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output.write_result("a\x1b[2J", end="|")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    output.write_result("a\x1b[2J", end="|")
    assert capsys.readouterr().out == "a\x1b[2J|a<0x1B>[2J|"


def test_control_characters_of_messages_are_always_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.write_message("a\x1b[2J\tb\nc")
    assert capsys.readouterr().err == "a<0x1B>[2J\tb\nc\n"


def test_unknown_symbols_are_noted_once_each_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.note_unknown_symbols(iter("☃x☃"))
    output.note_unknown_symbols("")
    assert capsys.readouterr().err == (
        'charloom: the model does not know "☃", "x": <unk> is fed in their place.\n'
    )


def test_json_is_one_line_that_keeps_other_alphabets(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_json({"text": "標題\n", "bits": 1.5})
    line = capsys.readouterr().out
    assert line == '{"text": "標題\\n", "bits": 1.5}\n'
    assert json.loads(line) == {"text": "標題\n", "bits": 1.5}


def test_table_aligns_columns_of_wide_characters_and_emoji(
    capsys: pytest.CaptureFixture[str],
) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # one emoji of two columns
    output.write_table(
        [("name", "count", "x"), ("標題", "7", "y"), (family, "12,345", "")], right=[1]
    )
    assert capsys.readouterr().out == (f"name   count  x\n標題       7  y\n{family}    12,345\n")


def test_cells_of_tables_are_escaped_before_their_width_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.write_table([("\x07", "b"), ("abcdef", "c")])
    assert capsys.readouterr().out == "<0x07>  b\nabcdef  c\n"


def test_any_locale_writes_utf8_and_lone_surrogates_as_question_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    output.force_utf8()
    for stream in streams:
        stream.write("é\udcff")
        stream.flush()
        assert stream.buffer.getvalue() == "é?".encode()
