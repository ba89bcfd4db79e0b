import sys
from pathlib import Path

import pytest
from command_line import Charloom, in_a_process
from records import folder

from charloom import units
from charloom.model import Model
from charloom.settings import TextSettings

# Lengths of all sizes, so that a scorer which sorts them must put them back in order.
LINES = ["abcdefghij"[: 1 + k % 9] * (1 + (7 * k) % 11) for k in range(150)]


def test_lines_come_back_in_order_with_their_bits(charloom: Charloom, model: Path) -> None:
    done = charloom("score", model, "-", "--format", "jsonl", stdin="\n\n".join(LINES))
    assert (done.code, done.err) == (0, "")
    assert [record["text"] for record in done.records] == LINES
    expected = Model.load(model).score(LINES)
    assert [r["bits_per_character"] for r in done.records] == pytest.approx(expected, rel=1e-12)
    for record, line in zip(done.records, LINES, strict=True):
        assert record["characters"] == len(line) + 1
        assert record["bits"] == pytest.approx(record["bits_per_character"] * len(line + "."))


def test_standard_input_is_the_default(charloom: Charloom, model: Path) -> None:
    done = charloom("score", model, stdin="bad\nface X\n")
    expected = Model.load(model).score(["bad", "face X"])
    assert done.out == f"{expected[0]:.3f}\tbad\n{expected[1]:.3f}\tface X\n"
    [_, record] = charloom("score", model, "--format", "jsonl", stdin="bad\nface X\n").records
    assert record["unknown"] == 1


def test_a_line_has_the_probability_of_its_symbols(charloom: Charloom, model: Path) -> None:
    [record] = charloom("score", model, "--format", "jsonl", stdin="ab").records
    loaded = Model.load(model)
    chances = [dict(loaded.next(""))["a"], dict(loaded.next("a"))["b"]]
    chances.append(dict(loaded.next("ab"))["<eos>"])
    product = chances[0] * chances[1] * chances[2]
    # Generating reckons in float32, scoring in float64.
    assert 2 ** -record["bits"] == pytest.approx(product, rel=1e-5)
    assert units.bits_per_character(0.0, record["characters"]) == 0


def test_lines_are_scored_also_by_a_model_of_streams(charloom: Charloom, tmp_path: Path) -> None:
    stream = folder(tmp_path / "stream", text=TextSettings(unit="stream"))
    done = charloom("score", stream, "--format", "jsonl", stdin="bad\nface\n")
    assert [record["text"] for record in done.records] == ["bad", "face"]


def test_text_that_is_none(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", text=TextSettings(clean=False))
    source = tmp_path / "x.jsonl"
    source.write_text('{"text": "a\\ud83d"}\n', encoding="ascii")
    for form in ("text", "jsonl"):
        process = in_a_process("score", path, source, "--format", form)
        out, err = process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert "a\ufffd" in out.decode()


def test_control_characters_do_not_reach_a_terminal(
    charloom: Charloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "m", text=TextSettings(clean=False))
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: True)
    assert charloom("score", path, stdin="a\x1b[2J\n").out.endswith("\ta<0x1B>[2J\n")


def test_a_format_that_there_is_not(charloom: Charloom, model: Path) -> None:
    done = charloom("score", model, "--format", "csv")
    assert (done.code, done.out) == (2, "")
    assert done.err == "charloom: format is 'csv'; allowed: text, jsonl.\n"


def test_input_without_a_line(charloom: Charloom, model: Path) -> None:
    done = charloom("score", model, stdin="")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("charloom: no text in standard input: only blank lines")
