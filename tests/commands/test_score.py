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
    records = done.records[::2]
    assert [record["text"] for record in records] == LINES
    expected = Model.load(model).score(LINES)
    assert [r["bits_per_character"] for r in records] == pytest.approx(expected, rel=1e-12)
    for record, line in zip(records, LINES, strict=True):
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
    assert done.err.startswith("charloom: no text in standard input: there is no line; ")


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


def test_a_blank_line_stays_blank(charloom: Charloom, model: Path) -> None:
    lines = "bad\n\n  \nface\n"
    out = charloom("score", model, "--threshold", 0, stdin=lines).out.split("\n")
    assert [line.endswith(("\tbad", "\tface")) for line in out] == [True, False, False, True, False]
    assert out[1:3] == ["", ""]
    records = charloom("score", model, "--format", "jsonl", stdin=lines).records
    assert [(record["source"], record["line"]) for record in records] == [
        ("standard input", number) for number in (1, 2, 3, 4)
    ]
    assert records[2] == {
        "source": "standard input",
        "line": 3,
        "text": "  ",
        "bits_per_character": None,
    }


def test_the_text_is_written_as_it_was_given(charloom: Charloom, model: Path) -> None:
    given = " b &amp; <br>c\t"
    [record] = charloom("score", model, "--format", "jsonl", stdin=given).records
    assert record["text"] == given
    assert record["characters"] == len("b & c") + 1
    assert charloom("score", model, stdin=given).out.endswith("\t b &amp; <br>c\t\n")


def test_one_bad_byte_does_not_end_a_pipe(charloom: Charloom, model: Path) -> None:
    content = b"bad\nfa\xffce\nbad\n"
    done = charloom("score", model, "--format", "jsonl", stdin=content)
    assert [record["text"] for record in done.records] == ["bad", "fa\ufffdce", "bad"]
    assert done.records[1]["unknown"] == 1
    place = "charloom: standard input is not UTF-8 in line 2 (its bytes suggest --encoding latin-1)"
    assert (done.code, done.err) == (0, f"{place}; 1 such place became U+FFFD.\n")
    skipped = charloom("score", model, "--errors", "skip", stdin=content).out.splitlines()
    assert skipped[1] == "?\tstandard input is not UTF-8 in line 2."
    assert len(skipped) == 3
    strict = charloom("score", model, "--errors", "strict", stdin=content)
    assert strict.code == 2
    assert "byte 0xFF at offset 6, in line 2; " in strict.err


def test_rows_keep_their_order_and_number(charloom: Charloom, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text('id,text\n1,"bad\nface"\n2,\n3\n4,face\n', encoding="utf-8")
    done = charloom("score", model, table, "--column", "text", "--format", "jsonl")
    assert [(record["line"], record.get("text")) for record in done.records] == [
        (2, "bad\nface"),
        (4, ""),
        (5, ""),
        (6, "face"),
    ]
    fault = f"{table} has 1 column in line 5; 2 are needed; give every row all its columns."
    assert done.records[2]["fault"] == fault
    assert done.err == f"charloom: 1 line was left out; the first: {fault}\n"


def truth_table(path: Path) -> Path:
    """Write usual lines, and one in ten of other letters, which the column kind tells."""
    rows = [("odd", "jihg" * 3) if k % 10 == 0 else ("usual", "abab" * 3) for k in range(50)]
    path.write_text("kind,line\n" + "".join(f"{kind},{line}\n" for kind, line in rows), "utf-8")
    return path


def test_detection_is_measured(charloom: Charloom, model: Path, tmp_path: Path) -> None:
    table = truth_table(tmp_path / "x.csv")
    usual, odd = Model.load(model).score(["abab" * 3, "jihg" * 3])
    auc = 1.0 if odd > usual else 0.0
    limit = (usual + odd) / 2
    options = ("--column", "line", "--truth-column", "kind", "--positive", "odd")
    done = charloom("score", model, table, *options)
    assert done.err == f"charloom: ROC-AUC {auc:.4f}: 5 lines with odd, 45 others.\n"
    done = charloom("score", model, table, *options, "--threshold", limit)
    counts = ("0 false alarms (0.00 %), 0 misses (0.00 %)", "45 false alarms (100.00 %), 5 misses")
    assert f"; at the threshold {counts[odd < usual]}" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--truth-column", "a"), "--truth-column was given without --positive; add that."),
        (("--positive", "a"), "--positive was given without --truth-column; add that."),
        (
            ("--truth-column", "a", "--positive", "b", "--label-column", "c"),
            "--truth-column and --label-column were both given; one of them is allowed.",
        ),
        (("--false-alarms", "0.1"), "--false-alarms was given without --threshold auto; add that."),
        (
            ("--false-alarms", "1", "--threshold", "auto"),
            "false-alarms is 1; allowed: a fraction above 0 and below 1.",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(
    charloom: Charloom, model: Path, options: tuple[str, ...], message: str
) -> None:
    done = charloom("score", model, *options, stdin="bad\n")
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")


def test_lines_of_one_kind_only_are_refused(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    table = truth_table(tmp_path / "x.csv")
    options = ("--column", "line", "--truth-column", "kind", "--positive", "od")
    done = charloom("score", model, table, *options)
    assert done.code == 2
    assert done.err == (
        "charloom: 0 of 50 lines are positive; both kinds are needed; check --truth-column and "
        "--positive.\n"
    )


def test_far_too_many_outliers_are_reported(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    usual = tmp_path / "usual.txt"
    usual.write_text("\n".join(LINES), "utf-8")
    options = ("--threshold", "auto", "--calibrate", usual)
    odd = "\n".join("jihgf" * 30 for _ in range(60))
    scored = charloom("score", model, *options, stdin=odd)
    marked = scored.out.count("\t!\t")
    assert marked in (0, 60)
    said = (
        "charloom: 60 of 60 lines stand out, where 1.0 % were expected to: these texts "
        "differ from those learned, for example by later time stamps; --calibrate SOURCE fits the "
        "threshold to typical ones, and training with --mask-digits or --valid-tail prepares for "
        "such a change.\n"
    )
    assert scored.err == (said if marked else "")
    assert charloom("score", model, *options, stdin="\n".join(LINES)).err == ""


def test_the_share_of_false_alarms_can_be_set(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    usual = tmp_path / "usual.txt"
    usual.write_text("\n".join(LINES), "utf-8")
    options = ("score", model, "--threshold", "auto", "--calibrate", usual, "--format", "jsonl")
    many = charloom(*options, "--false-alarms", "0.2", stdin="\n".join(LINES)).records
    assert 25 <= sum(record["outlier"] for record in many) <= 35
    done = charloom(*options, "--false-alarms", "1e-6", stdin="bad")
    assert done.err == (
        "charloom: false-alarms is 1e-06; 150 texts were calibrated on, which allow for "
        "0.0067 to 0.5; give more such texts with --calibrate.\n"
    )


def test_labels_are_compared_with_those_of_a_column(
    charloom: Charloom, labelled: Path, tmp_path: Path
) -> None:
    labels = Model.load(labelled).record.labels
    table = tmp_path / "x.csv"
    table.write_text(f"kind,text\n{labels[0]},bad\n{labels[1]},face\nother,a\n", "utf-8")
    options = ("--classify", "--label-column", "kind", "--format", "jsonl")
    done = charloom("score", labelled, table, *options)
    for record in done.records:
        assert sum(record["probabilities"].values()) == pytest.approx(1)
        assert record["label"] == max(record["probabilities"], key=record["probabilities"].get)
    found = Model.load(labelled).classify(["bad", "face"])
    right = sum(a == b for a, b in zip(found, labels, strict=False))
    assert f"charloom: accuracy {50 * right:.1f} % of 2 lines; rows are their labels" in done.err
    assert 'charloom: labels that the model does not know count as none: "other".\n' in done.err
    assert len(done.err.splitlines()) == 2 + 1 + len(labels)
