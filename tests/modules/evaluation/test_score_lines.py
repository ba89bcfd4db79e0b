"""What is told of lines, from Markov chains whose every probability the test decides."""

import math
from typing import Any

import numpy as np
import pytest
from networks import make_vocabulary, markov_tensors, random_tensors

from charloom.errors import LabelError
from charloom.evaluation.calibration import Calibration
from charloom.evaluation.score_lines import (
    BitsThreshold,
    ScoredLine,
    calibrate_on_blocks,
    score_lines,
)
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.settings import Level, NetworkSettings
from charloom.text.documents import Document, to_blocks


def scorer(symbols: list[str], level: Level = "char") -> Scorer:
    """Return a scorer to which all symbols are equally probable."""
    size = len(symbols) + 2
    settings, tensors = markov_tensors(np.full((size, size), 1 / size))
    floats = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    return Scorer(SymbolScorer(settings, floats), make_vocabulary(symbols, level))


def lines(made: Scorer, *texts: str, **options: Any) -> list[ScoredLine]:
    blocks = to_blocks(Document(text=text) for text in texts)
    return [line for block in score_lines(made, blocks, **options) for line in block]


@pytest.mark.parametrize(
    ("level", "known", "text", "expected"),
    [
        ("char", ["a", "é"], "aéx", ["a", "é", "x"]),
        ("byte", ["a", "<0xC3>", "<0xA9>"], "aé", ["a", "<0xC3>", "<0xA9>"]),
        ("grapheme", ["a", "👩‍🚀"], "👩‍🚀a", ["👩‍🚀", "a"]),
        ("word", ["one", " "], "one two", ["one", " ", "two"]),
    ],
)
def test_each_symbol_has_its_bits(
    level: Level, known: list[str], text: str, expected: list[str]
) -> None:
    one, other = lines(scorer(known, level), text, text, per_symbol=True)
    assert one == other
    assert one.symbols is not None
    assert [symbol for symbol, _ in one.symbols] == [*expected, "<eos>"]
    each = math.log2(len(known) + 2)
    assert [bits for _, bits in one.symbols] == pytest.approx([each] * len(one.symbols), rel=1e-6)
    assert sum(bits for _, bits in one.symbols) == pytest.approx(one.score.bits, rel=1e-6)


def test_nothing_is_told_that_was_not_asked_for() -> None:
    (line,) = lines(scorer(["a"]), "aa")
    assert (line.surprise, line.outlier, line.label, line.symbols) == (None, None, None, None)


def test_a_threshold_in_bits_per_character() -> None:
    for limit, outlier in ((1.5, True), (1.6, False)):
        (line,) = lines(scorer(["a"]), "aa", threshold=BitsThreshold(limit))
        assert line.outlier == outlier
        assert line.surprise == pytest.approx(math.log2(3))


def test_a_threshold_by_length() -> None:
    """Each character takes log2(3) = 1.585 bits, the boundary too."""
    usual = Calibration(mean=(0, 1), variance=(0, 1), limit=1.5, texts=100)
    short, long = lines(scorer(["a"]), "a", "a" * 8, threshold=usual)
    assert short.surprise == pytest.approx(0.585 * 2 / math.sqrt(2), rel=1e-3)
    assert long.surprise == pytest.approx(0.585 * 9 / 3, rel=1e-3)
    assert (short.outlier, long.outlier) == (False, True)


def test_a_calibration_of_lines() -> None:
    texts = ["a" * (1 + k % 20) for k in range(200)]
    made = calibrate_on_blocks(scorer(["a"]), to_blocks(Document(text=text) for text in texts))
    assert made.mean == pytest.approx((0, math.log2(3)), abs=1e-4)
    assert made.texts == 200


def test_the_label_under_which_a_line_is_most_probable() -> None:
    settings = NetworkSettings(cell="gru", hidden=4, layers=1, input=3)
    tensors = random_tensors(settings, 5, labels=3, seed=4, scale=1.0)
    made = Scorer(SymbolScorer(settings, tensors), make_vocabulary("abc"), ("x", "y", "z"))
    texts = ["".join("abc"[(7 * k * j + k) % 3] for j in range(k % 5)) for k in range(40)]
    expected = []
    for text in texts:
        each = made.score(Document(text=text, label=label) for label in made.labels)
        nats = [score.nats for score in each]
        expected.append(made.labels[int(np.argmin(nats))])
    assert [line.label for line in lines(made, *texts, classify=True)] == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize(
    ("labels", "told"), [((), "no labels"), (("x",), "1 label")], ids=["none", "one"]
)
def test_a_model_that_cannot_tell_labels(labels: tuple[str, ...], told: str) -> None:
    made = scorer(["a"])
    made.labels = labels
    with pytest.raises(LabelError) as error:
        lines(made, "a", classify=True)
    assert str(error.value) == (
        f"this model has {told}; to classify it needs at least two: train a model with "
        "--label-column."
    )
