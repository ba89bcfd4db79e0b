"""Calibration on texts of known mean and variance, and on the lines of a held-out file."""

import json
from pathlib import Path

import numpy as np
import pytest
from networks import make_vocabulary, markov_tensors

import charloom
from charloom.errors import CorpusError
from charloom.evaluation.calibration import (
    FALSE_ALARMS,
    MIN_TEXTS,
    Calibration,
    calibrate_on_blocks,
)
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.settings import Level, Unit
from charloom.text.documents import Document, to_blocks

WORDS = ["river", "stone", "übung", "naïve", "snow", "42nd"]
HELD_OUT = [
    f"{a}, {b} {a}"[: 3 + 5 * k].strip() for k, a in enumerate(WORDS) for b in [*WORDS, *"xyz"]
]


def usual_texts(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return bits, with the mean 3 + 2 n and the variance 4 + 5 n, and characters n."""
    generator = np.random.default_rng(seed)
    characters = generator.integers(2, 200, count).astype(float)
    return generator.normal(3 + 2 * characters, np.sqrt(4 + 5 * characters)), characters


def test_fit_finds_mean_variance_and_limit() -> None:
    calibration = Calibration.fit(*usual_texts(20_000))
    # Within five standard errors, which are about 0.1 for the mean and 1 for the variance.
    assert calibration.mean == pytest.approx((3, 2), abs=0.5)
    assert calibration.variance[1] == pytest.approx(5, rel=0.1)
    lengths = np.array([2.0, 50.0, 200.0])
    assert calibration.mean[0] + calibration.mean[1] * lengths == pytest.approx(
        3 + 2 * lengths, rel=0.05
    )
    # The 99 % quantile of the normal distribution.
    assert calibration.limit == pytest.approx(2.326, abs=0.1)


def test_one_in_a_hundred_usual_texts_is_above_the_limit_at_every_length() -> None:
    calibration = Calibration.fit(*usual_texts(20_000))
    bits, characters = usual_texts(50_000, seed=1)
    marked = calibration.surprise(bits, characters) > calibration.limit
    for low, high in ((2, 10), (10, 50), (50, 200)):
        in_range = (characters >= low) & (characters < high)
        # At least 2,000 texts: five standard errors, plus the error of the fit.
        assert marked[in_range].mean() == pytest.approx(FALSE_ALARMS, abs=0.012)


def test_surprise_is_in_standard_deviations() -> None:
    calibration = Calibration(mean=(3, 2), variance=(4, 5), limit=2.0, texts=100)
    bits = np.array([23.0, 23 + np.sqrt(54), 23 - 2 * np.sqrt(54)])
    assert calibration.surprise(bits, np.full(3, 10.0)) == pytest.approx([0, 1, -2])


@pytest.mark.parametrize("spread", [0.0, 2.0])
def test_fit_handles_texts_of_one_length(spread: float) -> None:
    generator = np.random.default_rng(0)
    bits = 30 + spread * generator.standard_normal(400)
    calibration = Calibration.fit(bits, np.full(400, 10.0))
    assert calibration.mean[0] + 10 * calibration.mean[1] == pytest.approx(30, abs=0.5)
    above = calibration.surprise(np.array([30 + 5 * spread + 1]), np.array([10.0]))
    assert above[0] > calibration.limit


def test_the_variance_neither_falls_nor_starts_below_zero() -> None:
    characters = np.arange(1.0, 201.0)
    signs = np.where(np.arange(200) % 2, 1.0, -1.0)
    falling = Calibration.fit(characters + signs * (201 - characters) / 50, characters)
    assert falling.variance[1] == 0 < falling.variance[0]
    steep = Calibration.fit(characters + signs * np.maximum(characters - 100, 0), characters)
    assert steep.variance[0] == 0 < steep.variance[1]


def test_json_round_trip_keeps_a_calibration() -> None:
    calibration = Calibration.fit(*usual_texts(MIN_TEXTS))
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_fit_refuses_fewer_than_50_texts() -> None:
    with pytest.raises(CorpusError) as error:
        Calibration.fit(*usual_texts(MIN_TEXTS - 1))
    assert str(error.value) == (
        "49 texts were given to calibrate the threshold; at least 50 are needed; "
        "give more with --calibrate, or bits per character with --threshold."
    )


def test_blocks_are_calibrated_by_the_bits_of_their_lines() -> None:
    """Under a uniform model of three symbols each character has log2(3) bits."""
    settings, tensors = markov_tensors(np.full((3, 3), 1 / 3))
    floats = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    scorer = Scorer(SymbolScorer(settings, floats), make_vocabulary(["a"]))
    lines = ["a" * (1 + k % 20) for k in range(200)]
    calibration = calibrate_on_blocks(scorer, to_blocks(Document(text=line) for line in lines))
    assert calibration.mean == pytest.approx((0, np.log2(3)), abs=1e-4)
    assert calibration.texts == 200


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
@pytest.mark.parametrize("unit", ["line", "document", "stream"])
def test_a_run_calibrates_on_the_lines_of_its_held_out_file(
    tmp_path: Path, level: Level, unit: Unit
) -> None:
    training, held_out = tmp_path / "training.txt", tmp_path / "held_out.txt"
    training.write_text("\n".join(f"{a} {b} {a}" for a in WORDS for b in WORDS), "utf-8")
    held_out.write_text("\n".join(HELD_OUT), "utf-8")
    model = charloom.train(
        training, validation=held_out, level=level, unit=unit, steps=3, hidden=8, device="cpu"
    )
    assert model.record.calibration is not None
    calibration = Calibration.from_json(model.record.calibration)
    bits = [score.bits for score in model.scorer.score(Document(text=line) for line in HELD_OUT)]
    expected = Calibration.fit(np.array(bits), np.array([len(line) + 1.0 for line in HELD_OUT]))
    assert calibration.texts == len(HELD_OUT)
    assert calibration.mean == pytest.approx(expected.mean, rel=1e-4, abs=1e-3)
    assert calibration.limit == pytest.approx(expected.limit, rel=1e-3)


def test_a_run_with_fewer_than_50_held_out_lines_has_no_calibration(tmp_path: Path) -> None:
    training, held_out = tmp_path / "training.txt", tmp_path / "held_out.txt"
    training.write_text("\n".join(WORDS), "utf-8")
    held_out.write_text("\n".join(HELD_OUT[:20]), "utf-8")
    model = charloom.train(training, validation=held_out, steps=2, hidden=4, device="cpu")
    assert model.record.calibration is None
