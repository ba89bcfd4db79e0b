"""How often the label under which a document is most probable is its own.

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
    """Documents by their own label and by the one that they were taken for."""

    labels: tuple[str, ...]
    counts_CC: NDArray[np.int64]
    """A row for each label of the documents, a column for each label that was told."""

    @property
    def documents(self) -> int:
        """How many documents have a label."""
        return int(self.counts_CC.sum())

    @property
    def accuracy(self) -> float:
        """Share of the documents of which the label was told rightly."""
        return float(np.trace(self.counts_CC)) / self.documents

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return {
            "accuracy": self.accuracy,
            "documents": self.documents,
            "labels": self.labels,
            "counts": self.counts_CC.tolist(),
        }


def measure_classification(scorer: Scorer, scored: Iterable[ScoredBlock]) -> Classification | None:
    """Return how well the labels of documents are told; None if no document has a known label.

    Documents must not go on in another block.
    """
    known = {label: index for index, label in enumerate(scorer.labels)}
    counts_CC = np.zeros((len(known), len(known)), dtype=np.int64)
    for block in scored:
        own = block.block.labels
        if own is None or len(known) < 2:
            continue
        for label, told in zip(own, scorer.classify(block), strict=True):
            if label in known:
                counts_CC[known[label], known[told]] += 1
    if not counts_CC.any():
        return None
    return Classification(labels=scorer.labels, counts_CC=counts_CC)
