import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Charloom, start_process
from records import folder

from charloom import units
from charloom.evaluation.calibration import calibrate_on_blocks
from charloom.model import Model
from charloom.settings import TextSettings
from charloom.text.documents import Document, to_blocks

# Different lengths: a scorer that sorts by length has to restore the order.
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
    # Generation computes in float32, scoring in float64.
    assert 2 ** -record["bits"] == pytest.approx(product, rel=1e-5)
    assert units.bits_per_character(0.0, record["characters"]) == 0


def test_lines_are_scored_also_by_a_model_of_streams(charloom: Charloom, tmp_path: Path) -> None:
    stream = folder(tmp_path / "stream", text=TextSettings(unit="stream"))
    done = charloom("score", stream, "--format", "jsonl", stdin="bad\nface\n")
    assert [record["text"] for record in done.records] == ["bad", "face"]


def test_bytes_that_are_not_text_are_replaced(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", text=TextSettings(clean=False))
    source = tmp_path / "x.jsonl"
    source.write_text('{"text": "a\\ud83d"}\n', encoding="ascii")
    for form in ("text", "jsonl"):
        process = start_process("score", path, source, "--format", form)
        out, err = process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert "a\ufffd" in out.decode()


def test_control_characters_do_not_reach_a_terminal(
    charloom: Charloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "m", text=TextSettings(clean=False))
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: True)
    assert charloom("score", path, stdin="a\x1b[2J\n").out.endswith("\ta<0x1B>[2J\n")


def test_an_unknown_format_is_refused(charloom: Charloom, model: Path) -> None:
    done = charloom("score", model, "--format", "csv")
    assert (done.code, done.out) == (2, "")
    assert done.err == "charloom: format is 'csv'; allowed: text, jsonl.\n"


def test_empty_input_is_refused(charloom: Charloom, model: Path) -> None:
    done = charloom("score", model, stdin="")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("charloom: no text in standard input: only blank lines")


def test_a_line_from_a_pipe_is_scored_at_once(model: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "charloom", "score", model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for line in (b"bad", b"face"):
        process.stdin.write(line + b"\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith(b"\t" + line + b"\n")
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()


def test_bits_of_each_symbol(charloom: Charloom, model: Path) -> None:
    [record] = charloom("score", model, "--per-symbol", "--format", "jsonl", stdin="ab\n").records
    assert [symbol for symbol, _ in record["symbols"]] == ["a", "b", "<eos>"]
    assert sum(bits for _, bits in record["symbols"]) == pytest.approx(record["bits"], rel=1e-6)
    out = charloom("score", model, "--per-symbol", stdin="ab\n").out.splitlines()
    assert out[0].endswith("\tab")
    assert out[1:] == [f"\t{bits:.3f}\t{symbol}" for symbol, bits in record["symbols"]]


def test_lines_above_a_threshold_are_marked(charloom: Charloom, model: Path) -> None:
    low, high = sorted(Model.load(model).score(["bad", "face"]))
    given = (low + high) / 2
    out = charloom("score", model, "--threshold", given, stdin="bad\nface\n").out
    marks = {line.split("\t")[2]: line.split("\t")[1] for line in out.splitlines()}
    first, _ = Model.load(model).score(["bad", "face"])
    assert marks == {"bad": "!" if first > given else "", "face": "" if first > given else "!"}
    done = charloom("score", model, "--threshold", given, "--format", "jsonl", stdin="bad\n")
    assert done.records[0]["outlier"] == (first > given)
    assert done.records[0]["surprise"] == pytest.approx(first)


def test_a_threshold_from_usual_texts(charloom: Charloom, model: Path, tmp_path: Path) -> None:
    usual = tmp_path / "usual.txt"
    usual.write_text("\n".join(LINES), "utf-8")
    arguments = ("score", model, "--threshold", "auto", "--calibrate", usual, "--format", "jsonl")
    records = charloom(*arguments, stdin="\n".join([*LINES, "jihgf" * 30])).records
    # One in a hundred usual lines is marked, so one or two of 150.
    assert 1 <= sum(record["outlier"] for record in records[:-1]) <= 2
    calibration = calibrate_on_blocks(
        Model.load(model).scorer, to_blocks(Document(text=line) for line in LINES)
    )
    loaded = Model.load(model)
    stored = replace(loaded.record, calibration=calibration.to_json())
    Model(stored).save(tmp_path / "stored")
    again = charloom(
        "score", tmp_path / "stored", "--threshold", "auto", "--format", "jsonl", stdin="face\n"
    ).records
    expected = charloom(*arguments, stdin="face\n").records
    assert again == expected


def test_the_most_probable_label_is_written(charloom: Charloom, labelled: Path) -> None:
    out = charloom("score", labelled, "--classify", stdin="bad\n").out
    assert out.split("\t")[1:] == [Model.load(labelled).classify(["bad"])[0], "bad\n"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--threshold", "low"),
            "threshold is 'low'; allowed: auto, or bits per character from 0, such as 4.5.",
        ),
        (
            ("--threshold", "nan"),
            "threshold is 'nan'; allowed: auto, or bits per character from 0, such as 4.5.",
        ),
        (
            ("--calibrate", "x.txt"),
            "--calibrate was given without --threshold auto; add that.",
        ),
        (
            ("--threshold", "auto"),
            "this model has no calibration: too few texts were held out, or its run was "
            "interrupted; name usual texts that it was not trained on with --calibrate, or give "
            "--threshold as bits per character.",
        ),
        (
            ("--classify",),
            "this model has no labels; to classify it needs at least two: train a model with "
            "--label-column.",
        ),
    ],
)
def test_wrong_options_are_refused(
    charloom: Charloom, model: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = charloom("score", model, *arguments, stdin="bad\n")
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")
