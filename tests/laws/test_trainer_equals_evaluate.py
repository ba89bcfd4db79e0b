"""The trainer's validation figure is that of evaluating the same text with the saved weights."""

from pathlib import Path

import pytest

from charloom.recipe import train
from charloom.settings import TextSettings
from charloom.text.sources import read, resolve

WORDS = ["river", "stone", "übung", "naïve", "snow", "42nd", "wind", "don't"]
TRAINING = [f"{a} {b} {c}." for a in WORDS for b in WORDS for c in WORDS if a != b]
HELD_OUT = [f"{a}, {b}! 🙂 {a}" for a in WORDS for b in WORDS] + ["x" * 700]


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word"])
@pytest.mark.parametrize("unit", ["line", "stream"])
def test_one_figure(tmp_path: Path, level: str, unit: str) -> None:
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
    documents = list(read(resolve([str(held_out)], settings), settings))
    scores = list(model.scorer.score(documents))
    figure = model.bits_per_character([document.text for document in documents])
    assert sum(score.unknown for score in scores) > 0
    assert model.record.figures["bits_per_character"] == pytest.approx(figure, rel=1e-5)
    assert model.record.figures["validation_characters"] == sum(s.characters for s in scores)
