import math
import re
from itertools import product
from pathlib import Path

import pytest
from command_line import Charloom
from records import folder

import charloom as library
from charloom import units
from charloom.evaluation.evaluate import evaluate
from charloom.model import Model
from charloom.settings import TextSettings
from charloom.text.documents import Document, to_blocks

KEYS = {
    "bits_per_character",
    "interval",
    "nats_per_symbol",
    "perplexity",
    "perplexity_per_word",
    "accuracy",
    "characters",
    "symbols",
    "words",
    "documents",
    "unknown",
    "labels",
}


def figure(model: Model, documents: list[Document]) -> float:
    return evaluate(model.scorer.score_blocks(to_blocks(documents))).bits_per_character


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("bad face\n\n  cafe\u0301 X\n", encoding="utf-8")
    return path


def test_figures_are_those_of_the_library(charloom: Charloom, model: Path, lines: Path) -> None:
    done = charloom("evaluate", model, lines, "--json")
    [figures] = done.records
    # Cleaned as recorded: white space around a line is removed, e and the accent are composed.
    expected = Model.load(model).bits_per_character(["bad face", "café X"])
    assert (done.code, done.err, set(figures)) == (0, "", KEYS)
    assert figures["bits_per_character"] == pytest.approx(expected, rel=1e-12)
    assert (figures["documents"], figures["characters"], figures["symbols"]) == (2, 16, 16)
    assert figures["unknown"] == 1
    assert units.bits(figures["nats_per_symbol"]) == pytest.approx(expected)


def test_figures_as_text(charloom: Charloom, model: Path, lines: Path) -> None:
    out = charloom("evaluate", model, lines).out
    shown = dict(line.rsplit("  ", 1) for line in out.splitlines())
    [figures] = charloom("evaluate", model, lines, "--json").records
    names = {key.replace("_", " ") for key in KEYS - {"interval", "labels"}}
    assert {key.strip() for key in shown} == names | {"95 % of samples"}
    assert f"{figures['bits_per_character']:.4f}" in out


def test_standard_input(charloom: Charloom, model: Path, lines: Path) -> None:
    text = lines.read_text("utf-8")
    assert charloom("evaluate", model, "-", "--json", stdin=text).records == (
        charloom("evaluate", model, lines, "--json").records
    )


def test_columns_and_encoding_of_another_table(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes("kind,title,more\nx,café,bad\ny,face,i\n".encode("latin-1"))
    arguments = ("--column", "title,more", "--encoding", "latin-1", "--json")
    [figures] = charloom("evaluate", model, table, *arguments).records
    expected = Model.load(model).bits_per_character(["café bad", "face i"])
    assert figures["bits_per_character"] == pytest.approx(expected, rel=1e-12)


def test_labels_are_read(charloom: Charloom, labelled: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("kind,title\nSports,bad\nOpera,face\n", encoding="utf-8")
    options = ("--column", "title", "--label-column", "kind", "--json")
    done = charloom("evaluate", labelled, table, *options)
    assert done.code == 0
    assert done.err == 'charloom: labels that the model does not know count as none: "Opera".\n'
    documents = [Document(text="bad", label="Sports"), Document(text="face")]
    expected = figure(Model.load(labelled), documents)
    assert done.records[0]["bits_per_character"] == expected
    rows = done.records[0]["labels"]
    assert set(rows) == {"", "Sports"}
    assert rows["Sports"]["documents"] == 1
    alone = figure(Model.load(labelled), [Document(text="bad", label="Sports")])
    assert rows["Sports"]["bits_per_character"] == pytest.approx(alone, rel=1e-6)
    shown = charloom("evaluate", labelled, table, *options[:-1]).out.split("\n\n")[1]
    assert re.split("  +", shown.splitlines()[0]) == [
        "label",
        "bits per character",
        "accuracy",
        "documents",
    ]
    assert shown.splitlines()[2].startswith('"Sports"')


def test_the_default_encoding_is_that_of_the_training_texts(
    charloom: Charloom, tmp_path: Path
) -> None:
    model = folder(tmp_path / "m", text=TextSettings(encoding="latin-1"))
    for encoding, options in (("latin-1", ()), ("utf-16", ("--encoding", "utf-16"))):
        path = tmp_path / f"{encoding}.txt"
        path.write_text("bad café\n", encoding=encoding)
        [figures] = charloom("evaluate", model, path, "--json", *options).records
        assert figures["bits_per_character"] == Model.load(model).bits_per_character(["bad café"])
        [record] = charloom("score", model, path, "--format", "jsonl", *options).records
        assert record["text"] == "bad café"


def test_a_missing_source_is_refused(charloom: Charloom, model: Path) -> None:
    done = charloom("evaluate", model, "no/such.txt")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("charloom: no file, folder, glob or corpus is named 'no/such.txt'")


def test_columns_of_the_training_table_concern_tables_only(
    charloom: Charloom, lines: Path, tmp_path: Path
) -> None:
    text = TextSettings(columns=("2",), label_column="1")
    model = folder(tmp_path / "m", labels=("x", "y"), text=text)
    table = tmp_path / "table.csv"
    table.write_text("x,bad face\ny,café X\n", encoding="utf-8")
    plain = charloom("evaluate", model, lines, "--json").records
    assert plain == charloom("evaluate", model, "-", "--json", stdin=lines.read_text()).records
    [labelled] = charloom("evaluate", model, table, "--json").records
    documents = [Document(text="bad face", label="x"), Document(text="café X", label="y")]
    assert labelled["bits_per_character"] == figure(Model.load(model), documents)
    assert labelled["characters"] == plain[0]["characters"]
    assert labelled["bits_per_character"] != plain[0]["bits_per_character"]


def test_baselines_are_written_below_the_metrics(charloom: Charloom, tmp_path: Path) -> None:
    texts = [
        f"{a} and {b}, {k}" for k, (a, b) in enumerate(product(("bad", "face", "café"), "abcd"))
    ]
    training, other = tmp_path / "t.txt", tmp_path / "o.txt"
    training.write_text("\n".join(texts), "utf-8")
    other.write_text("bad and d, 77\nface and café\n", "utf-8")
    run = tmp_path / "run"
    trained = library.train(training, output=run, steps=2, hidden=4, device="cpu")
    [plain] = charloom("evaluate", run, other, "--json").records
    [told] = charloom("evaluate", run, other, "--baselines", "--json").records
    others = told.pop("baselines")
    assert told == plain
    assert set(others) == {"uniform", "unigram", "ngram", "xz", "zstd"}
    # At level char, each character is a symbol.
    assert others["uniform"] == pytest.approx(math.log2(len(trained.record.vocabulary)))
    assert others["ngram"] < others["unigram"] < others["uniform"]
    out = charloom("evaluate", run, other, "--baselines").out
    rows = [line.rsplit("  ", 1) for line in out.split("\n\n")[1].splitlines()[1:]]
    shown = [float(figure) for _, figure in rows]
    assert shown == sorted(shown)
    assert {name.strip() for name, _ in rows} == {
        "this model",
        "uniform over the symbols",
        "symbol frequencies",
        "6-grams (Kneser-Ney)",
        "xz -9e",
        "zstd -19",
    }
    # A compressor needs fewer bits for a text that it has seen.
    [same] = charloom("evaluate", run, training, "--baselines", "--json").records
    assert same["baselines"]["zstd"] < 0.5 * others["zstd"]


def test_training_texts_without_baselines_are_refused(
    charloom: Charloom, model: Path, lines: Path
) -> None:
    done = charloom("evaluate", model, lines, "--training", lines)
    assert (done.code, done.out) == (2, "")
    assert done.err == "charloom: --training was given without --baselines; add that.\n"


def test_a_validation_file_needs_baselines(charloom: Charloom, model: Path, lines: Path) -> None:
    done = charloom("evaluate", model, lines, "--valid", lines)
    assert (done.code, done.out) == (2, "")
    assert done.err == "charloom: --valid was given without --baselines; add that.\n"
