"""The calibration of a model against one from its held-out lines, scored one by one."""

from pathlib import Path

import numpy as np
import pytest

import charloom
from charloom.evaluation.calibration import Calibration
from charloom.settings import Level, Unit
from charloom.text.documents import Document

WORDS = ["river", "stone", "übung", "naïve", "snow", "42nd"]
HELD_OUT = [
    f"{a}, {b} {a}"[: 3 + 5 * k].strip() for k, a in enumerate(WORDS) for b in [*WORDS, *"xyz"]
]


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word"])
@pytest.mark.parametrize("unit", ["line", "document", "stream"])
def test_lines_of_the_held_out_part(tmp_path: Path, level: Level, unit: Unit) -> None:
    training, held_out = tmp_path / "training.txt", tmp_path / "held_out.txt"
    training.write_text("\n".join(f"{a} {b} {a}" for a in WORDS for b in WORDS), "utf-8")
    held_out.write_text("\n".join(HELD_OUT), "utf-8")
    model = charloom.train(
        training, validation=held_out, level=level, unit=unit, steps=3, hidden=8, device="cpu"
    )
    assert model.record.calibration is not None
    made = Calibration.from_json(model.record.calibration)
    bits = [score.bits for score in model.scorer.score(Document(text=line) for line in HELD_OUT)]
    expected = Calibration.fit(np.array(bits), np.array([len(line) + 1.0 for line in HELD_OUT]))
    assert made.texts == len(HELD_OUT)
    assert made.mean == pytest.approx(expected.mean, rel=1e-4, abs=1e-3)
    assert made.limit == pytest.approx(expected.limit, rel=1e-3)


def test_too_few_lines_tell_nothing(tmp_path: Path) -> None:
    training, held_out = tmp_path / "training.txt", tmp_path / "held_out.txt"
    training.write_text("\n".join(WORDS), "utf-8")
    held_out.write_text("\n".join(HELD_OUT[:20]), "utf-8")
    model = charloom.train(training, validation=held_out, steps=2, hidden=4, device="cpu")
    assert model.record.calibration is None
