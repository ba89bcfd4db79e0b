"""Figures of detection agree with their definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.errors import CorpusError
from charloom.evaluation.detection import measure_detection

TEXTS = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), min_size=2).filter(
    lambda texts: len({kind for _, kind, _ in texts}) == 2
)


@given(TEXTS)
def test_the_area_is_the_share_of_pairs_in_order(texts: list[tuple[int, bool, bool]]) -> None:
    surprises, kinds, marks = zip(*texts, strict=True)
    found = measure_detection(surprises, kinds, marks)
    positive = [value for value, kind in zip(surprises, kinds, strict=True) if kind]
    negative = [value for value, kind in zip(surprises, kinds, strict=True) if not kind]
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    assert found.roc_auc == pytest.approx(wins / (len(positive) * len(negative)))
    assert (found.positives, found.negatives) == (len(positive), len(negative))
    assert found.false_alarms == sum(mark and not kind for _, kind, mark in texts)
    assert found.misses == sum(kind and not mark for _, kind, mark in texts)


def test_without_marks_there_are_no_alarms() -> None:
    found = measure_detection([1.0, 2.0], [False, True])
    assert (found.roc_auc, found.false_alarms, found.misses) == (1.0, None, None)


def test_both_kinds_are_needed() -> None:
    with pytest.raises(CorpusError, match="2 of 2 lines are positive; both kinds are needed"):
        measure_detection([1.0, 2.0], [True, True])
