"""Scores of mixtures against the reference networks, whole and in parts."""

import numpy as np
import pytest
from mixed_networks import COMPONENTS, LABELS, SETTINGS, SYMBOLS, TENSORS, probabilities_after

from charloom.evaluation.mixture_scorer import MixtureScorer
from charloom.evaluation.symbol_scorer import SymbolScorer

GENERATOR = np.random.default_rng(5)
LENGTHS = np.array([1, 9, 4, 30, 2, 1, 6])
ENDS = np.cumsum(LENGTHS)
TARGETS = GENERATOR.integers(0, SYMBOLS, ENDS[-1])
DOCUMENT_LABELS = GENERATOR.integers(-1, LABELS, len(ENDS))


def scorer(max_logits: int = 1 << 22) -> MixtureScorer:
    scorers = [
        SymbolScorer(settings, tensors, threads=1)
        for settings, tensors in zip(SETTINGS, TENSORS, strict=True)
    ]
    return MixtureScorer(COMPONENTS, scorers, max_logits=max_logits)


def test_scores_are_those_of_the_reference_networks() -> None:
    found = scorer().surprisals(TARGETS, ENDS, DOCUMENT_LABELS)
    for start, end, label in zip([0, *ENDS[:-1]], ENDS, DOCUMENT_LABELS, strict=True):
        for n in range(start, end):
            expected_V = probabilities_after(TARGETS[start:n], int(label))
            assert found.nats_N[n] == pytest.approx(-np.log(expected_V[TARGETS[n]]), abs=1e-4)
            assert found.correct_N[n] == (expected_V.argmax() == TARGETS[n])
    assert found.state is None


@pytest.mark.parametrize("targets", [1, 2, 7, 40, 1000])
def test_parts_give_the_same_scores(targets: int) -> None:
    whole = scorer().surprisals(TARGETS, ENDS, DOCUMENT_LABELS)
    parts = scorer(targets * SYMBOLS).surprisals(TARGETS, ENDS, DOCUMENT_LABELS)
    assert parts.nats_N == pytest.approx(whole.nats_N, rel=1e-5, abs=1e-6)
    assert np.array_equal(parts.correct_N, whole.correct_N)
    assert parts.state is None


def test_an_unfinished_document_continues_in_the_next_call() -> None:
    whole = scorer().surprisals(TARGETS, ENDS, DOCUMENT_LABELS)
    cut = int(ENDS[2]) + 11  # within the longest document
    first = scorer(5 * SYMBOLS).surprisals(
        TARGETS[:cut], np.array([*ENDS[:3], cut]), DOCUMENT_LABELS[:4], unfinished=True
    )
    assert first.state is not None
    second = scorer(5 * SYMBOLS).surprisals(
        TARGETS[cut:], ENDS[3:] - cut, DOCUMENT_LABELS[3:], first.state
    )
    together = np.concatenate([first.nats_N, second.nats_N])
    assert together == pytest.approx(whole.nats_N, rel=1e-5, abs=1e-6)
