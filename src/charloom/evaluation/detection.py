"""Measure how well surprise detects texts of a known kind.

The area under the ROC curve is the probability that a text of the kind is more surprising than
another text, where ties count half (Hanley and McNeil, Radiology 143, 1982).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charloom.errors import CorpusError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Detection:
    """Figures of a detector; a positive text is one of the kind to detect."""

    positives: int
    negatives: int
    roc_auc: float
    """Area under the ROC curve, from 0 to 1; 0.5 is chance."""
    false_alarms: int | None
    """Negative texts that were marked. None without a threshold."""
    misses: int | None
    """Positive texts that were not marked. None without a threshold."""


def measure_detection(
    surprise: Sequence[float], positive: Sequence[bool], marked: Sequence[bool] | None = None
) -> Detection:
    """Return the figures of texts from their surprise, their kind and their marks.

    Raises CorpusError unless there are positive and negative texts.
    """
    is_positive = np.array(positive, dtype=bool)
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    if not positives or not negatives:
        raise CorpusError(
            f"{positives:,} of {len(positive):,} lines are positive; both kinds are needed; check "
            "--truth-column and --positive."
        )
    ranks = _mid_ranks(np.array(surprise, dtype=np.float64))
    wins = float(ranks[is_positive].sum()) - positives * (positives + 1) / 2
    is_marked = None if marked is None else np.array(marked, dtype=bool)
    return Detection(
        positives=positives,
        negatives=negatives,
        roc_auc=wins / (positives * negatives),
        false_alarms=None if is_marked is None else int((is_marked & ~is_positive).sum()),
        misses=None if is_marked is None else int((~is_marked & is_positive).sum()),
    )


def _mid_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value from 1; equal values have their mean rank."""
    _, member, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = ((ends - counts + 1 + ends) / 2)[member]
    return ranks
