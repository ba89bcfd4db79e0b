"""Scored lines of Markov chains whose probabilities the test chooses."""

import math
from typing import Any

import numpy as np
import pytest
from networks import make_vocabulary, markov_tensors, random_tensors

from charloom.errors import LabelError
from charloom.evaluation.calibration import Calibration
from charloom.evaluation.score_lines import BitsThreshold, ScoredLine, score_lines
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.settings import Level, NetworkSettings
from charloom.text.documents import Document, to_blocks


def uniform_scorer(symbols: list[str], level: Level = "char") -> Scorer:
    """Return a scorer for which all symbols are equally probable."""
    size = len(symbols) + 2
    settings, tensors = markov_tensors(np.full((size, size), 1 / size))
    floats = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    return Scorer(SymbolScorer(settings, floats), make_vocabulary(symbols, level))


def lines(scorer: Scorer, *texts: str, **options: Any) -> list[ScoredLine]:
    blocks = to_blocks(Document(text=text) for text in texts)
    return [line for block in score_lines(scorer, blocks, **options) for line in block]


@pytest.mark.parametrize(
    ("level", "known", "text", "expected"),
    [
        ("char", ["a", "é"], "aéx", ["a", "é", "x"]),
        ("byte", ["a", "<0xC3>", "<0xA9>"], "aé", ["a", "<0xC3>", "<0xA9>"]),
        ("grapheme", ["a", "👩‍🚀"], "👩‍🚀a", ["👩‍🚀", "a"]),
        ("closed-word", ["one", " "], "one two", ["one", " ", "two"]),
        ("word", ["one", " a"], "one two a", ["one", " ", "t", "w", "o", " a"]),
    ],
)
def test_bits_of_each_symbol_sum_to_those_of_the_line(
    level: Level, known: list[str], text: str, expected: list[str]
) -> None:
    one, other = lines(uniform_scorer(known, level), text, text, per_symbol=True)
    assert one == other
    assert one.symbols is not None
    assert [symbol for symbol, _ in one.symbols] == [*expected, "<eos>"]
    expected_bits = [math.log2(len(known) + 2)] * len(one.symbols)
    assert [bits for _, bits in one.symbols] == pytest.approx(expected_bits, rel=1e-6)
    assert sum(bits for _, bits in one.symbols) == pytest.approx(one.score.bits, rel=1e-6)


def test_what_was_not_requested_is_none() -> None:
    (line,) = lines(uniform_scorer(["a"]), "aa")
    assert (line.surprise, line.outlier, line.label, line.symbols) == (None, None, None, None)


def test_outliers_are_above_a_limit_in_bits_per_character() -> None:
    for limit, outlier in ((1.5, True), (1.6, False)):
        (line,) = lines(uniform_scorer(["a"]), "aa", threshold=BitsThreshold(limit))
        assert line.outlier == outlier
        assert line.surprise == pytest.approx(math.log2(3))


def test_outliers_are_above_a_limit_for_their_length() -> None:
    """Each character, and the boundary, has log2(3) = 1.585 bits."""
    usual = Calibration(mean=(0, 1), variance=(0, 1), limit=1.5, texts=100)
    short, long = lines(uniform_scorer(["a"]), "a", "a" * 8, threshold=usual)
    assert short.surprise == pytest.approx(0.585 * 2 / math.sqrt(2), rel=1e-3)
    assert long.surprise == pytest.approx(0.585 * 9 / 3, rel=1e-3)
    assert (short.outlier, long.outlier) == (False, True)


def test_a_line_has_the_label_under_which_it_has_the_fewest_nats() -> None:
    settings = NetworkSettings(cell="gru", hidden=4, layers=1, input=3)
    tensors = random_tensors(settings, 5, labels=3, seed=4, scale=1.0)
    scorer = Scorer(SymbolScorer(settings, tensors), make_vocabulary("abc"), ("x", "y", "z"))
    texts = ["".join("abc"[(7 * k * j + k) % 3] for j in range(k % 5)) for k in range(40)]
    expected = []
    for text in texts:
        scores = scorer.score(Document(text=text, label=label) for label in scorer.labels)
        nats = [score.nats for score in scores]
        expected.append(scorer.labels[int(np.argmin(nats))])
    assert [line.label for line in lines(scorer, *texts, classify=True)] == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize(
    ("labels", "count"), [((), "no labels"), (("x",), "1 label")], ids=["none", "one"]
)
def test_classifying_needs_two_labels(labels: tuple[str, ...], count: str) -> None:
    scorer = uniform_scorer(["a"])
    scorer.labels = labels
    with pytest.raises(LabelError) as error:
        lines(scorer, "a", classify=True)
    assert str(error.value) == (
        f"this model has {count}; to classify it needs at least two: train a model with "
        "--label-column."
    )
