"""The validation figure of a run equals the evaluation of the same text with the saved weights.

Validation reads long documents in pieces, which changes the figure by less than 1e-4 bits.
"""

import csv
import json
from pathlib import Path

import pytest

from charloom.api import train
from charloom.cli.app import run
from charloom.data.sources import read_documents, resolve_sources
from charloom.settings import Cell, Level, TextSettings, Unit
from charloom.training.validation_batches import PIECE_TARGETS

WORDS = ["river", "stone", "übung", "naïve", "snow", "42nd", "wind", "don't"]
TRAINING = [f"{a} {b} {c}." for a in WORDS for b in WORDS for c in WORDS if a != b]
HELD_OUT = [f"{a}, {b}! 🙂 {a}" for a in WORDS for b in WORDS] + ["x" * 700]
LONG = " ".join(f"{b} {a}{c}" for a in WORDS for b in WORDS for c in WORDS)


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
@pytest.mark.parametrize("unit", ["line", "stream"])
def test_the_validation_figure_is_that_of_the_scorer(
    tmp_path: Path, level: Level, unit: Unit
) -> None:
    training, held_out = tmp_path / "training.txt", tmp_path / "held_out.txt"
    training.write_text("\n".join(TRAINING), encoding="utf-8")
    held_out.write_text("\n".join(HELD_OUT), encoding="utf-8")
    model = train(
        training,
        validation=held_out,
        level=level,
        unit=unit,
        steps=4,
        batch_size=16,
        window=50,
        hidden=24,
        cell="gru",
        device="cpu",
    )
    settings: TextSettings = model.record.text
    documents = list(read_documents(resolve_sources([str(held_out)], settings), settings))
    scores = list(model.scorer.score(documents))
    figure = model.bits_per_character([document.text for document in documents])
    assert sum(score.unknown for score in scores) > 0
    assert model.record.metrics["bits_per_character"] == pytest.approx(figure, rel=1e-5)
    assert model.record.metrics["validation_characters"] == sum(s.characters for s in scores)


@pytest.mark.parametrize(("lines", "tolerance"), [(HELD_OUT, 2e-5), ([*HELD_OUT, LONG], 1e-4)])
def test_the_validation_figure_is_that_of_evaluate_with_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], tolerance: float
) -> None:
    training, held_out, model = tmp_path / "t.csv", tmp_path / "h.csv", tmp_path / "model"
    for path, texts, kinds in ((training, TRAINING, "ab"), (held_out, lines, "abc")):
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = ((kinds[index % len(kinds)], text) for index, text in enumerate(texts))
            csv.writer(file).writerows([("kind", "text"), *rows])
    train(
        training,
        validation=held_out,
        output=model,
        columns=("text",),
        label_column="kind",
        steps=30,
        hidden=24,
        device="cpu",
    )
    capsys.readouterr()
    assert run(["evaluate", str(model), str(held_out), "--json"]) == 0
    captured = capsys.readouterr()
    figures = json.loads((model / "config.json").read_bytes())["figures"]
    evaluated = json.loads(captured.out)
    assert '"c"' in captured.err, "a label that is not in training"
    exact = evaluated["bits_per_character"]
    assert figures["bits_per_character"] == pytest.approx(exact, abs=tolerance)
    assert figures["validation_characters"] == evaluated["characters"]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_validation_figure_of_a_long_stream_is_nearly_that_of_evaluate(
    tmp_path: Path, cell: Cell
) -> None:
    training, held_out = tmp_path / "training.txt", tmp_path / "held_out.txt"
    training.write_text("\n".join(TRAINING), encoding="utf-8")
    held_out.write_text(LONG, encoding="utf-8")
    assert len(LONG) > 4 * PIECE_TARGETS
    model = train(
        training, validation=held_out, unit="stream", steps=60, hidden=32, cell=cell, device="cpu"
    )
    figure = model.record.metrics["bits_per_character"]
    assert figure < 4
    assert figure == pytest.approx(model.bits_per_character([LONG]), abs=1e-4)
