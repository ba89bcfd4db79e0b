"""Measure how often the most probable label of a document is its own.

Axes: C labels.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.evaluation.scorer import ScoredBlock, Scorer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classification:
    """Confusion matrix of the labels of documents."""

    labels: tuple[str, ...]
    counts_CC: NDArray[np.int64]
    """Documents by their own label (row) and their most probable label (column)."""

    @property
    def documents(self) -> int:
        """Documents with a label that the model knows."""
        return int(self.counts_CC.sum())

    @property
    def accuracy(self) -> float:
        """Fraction of the documents whose most probable label is their own."""
        return float(np.trace(self.counts_CC)) / self.documents

    def to_json(self) -> dict[str, Any]:
        """Return accuracy and counts as a JSON object."""
        return {
            "accuracy": self.accuracy,
            "documents": self.documents,
            "labels": self.labels,
            "counts": self.counts_CC.tolist(),
        }


def measure_classification(scorer: Scorer, scored: Iterable[ScoredBlock]) -> Classification | None:
    """Classify all documents that have a label known to the model.

    Returns None if there are none, or if the model has fewer than two labels. Blocks must have no
    unfinished document.
    """
    index = {label: number for number, label in enumerate(scorer.labels)}
    counts_CC = np.zeros((len(index), len(index)), dtype=np.int64)
    for block in scored:
        labels = block.block.labels
        if labels is None or len(index) < 2:
            continue
        for label, predicted in zip(labels, scorer.classify(block), strict=True):
            if label in index:
                counts_CC[index[label], index[predicted]] += 1
    if not counts_CC.any():
        return None
    return Classification(labels=scorer.labels, counts_CC=counts_CC)
