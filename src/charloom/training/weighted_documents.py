"""The documents of an epoch where sources have weights.

A document of a source of weight w is read w times in an epoch. Of a fraction, part of the documents
is read once more: a contiguous range of a fixed random order, which begins in each epoch where it
ended in the one before. So a document is read floor(w) or ceil(w) times in an epoch, and
floor(E w) or ceil(E w) times in E epochs, up to the rounding of the range to whole documents.
Nothing is copied: a place in the epoch is mapped to a document by arithmetic.

Axes: S sources, K places in an epoch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charloom.data.dataset import Dataset
from charloom.data.memory_map import RELEASE_AFTER
from charloom.training.shuffle import RandomPermutation

_NO_EPOCH = 0
"""Epochs count from 1: a key with 0 is that of no order of an epoch."""


class WeightedDocuments:
    """Documents of several sources, by their places in an epoch before shuffling.

    ``sizes`` are the documents of each source; those of a source are adjacent, in this order. With
    weights of 1, place and document are the same.
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], seed: int) -> None:
        self._sizes_S = np.array(sizes, dtype=np.int64)
        self._begins_S = np.cumsum(self._sizes_S) - self._sizes_S
        self._times_S = np.floor(np.array(weights)).astype(np.int64)
        """Times that each document is read at least."""
        rest_S = np.array(weights) - self._times_S
        more_S = np.rint(rest_S * self._sizes_S).astype(np.int64)
        # Of a source with a small weight, one document remains.
        at_least_S = (self._times_S == 0) & (self._sizes_S > 0)
        self._more_S = np.maximum(more_S, at_least_S)
        """Documents that are read once more."""
        self._ends_S = np.cumsum(self._times_S * self._sizes_S + self._more_S)
        self._orders = [
            RandomPermutation(max(size, 1), (seed, _NO_EPOCH, number))
            for number, size in enumerate(sizes)
        ]

    def __len__(self) -> int:
        """Return the number of places in an epoch."""
        return int(self._ends_S[-1])

    def documents(self, epoch: int, places_K: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the document at each place in an epoch, from 1."""
        sources_K = np.searchsorted(self._ends_S, places_K, side="right")
        result_K = np.empty(len(places_K), dtype=np.int64)
        for source in np.unique(sources_K).tolist():
            of_source_K = sources_K == source
            first = int(self._ends_S[source - 1]) if source else 0
            result_K[of_source_K] = self._of_source(epoch, source, places_K[of_source_K] - first)
        return result_K

    def _of_source(self, epoch: int, source: int, places_K: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the documents at places of one source."""
        size, begin = int(self._sizes_S[source]), int(self._begins_S[source])
        documents_K = begin + places_K % size
        more_K = places_K - int(self._times_S[source]) * size
        is_more_K = more_K >= 0
        if is_more_K.any():
            first = (epoch - 1) * int(self._more_S[source]) % size
            drawn_K = (first + more_K[is_more_K]) % size
            documents_K[is_more_K] = begin + self._orders[source].at(drawn_K)
        return documents_K

    def symbols(self, dataset: Dataset, epoch: int) -> int:
        """Return the symbols of an epoch, one boundary for each document read included."""
        held_S = self._sizes_S > 0
        lasts_S = (self._begins_S + self._sizes_S - 1)[held_S]
        symbols_S = np.diff(dataset.end_positions(lasts_S), prepend=0)
        total = int(self._times_S[held_S] @ symbols_S)
        for source, more in enumerate(self._more_S.tolist()):
            begin = int(self._ends_S[source]) - more
            for start in range(begin, begin + more, RELEASE_AFTER):
                places_K = np.arange(start, min(start + RELEASE_AFTER, begin + more))
                total += int((dataset.lengths(self.documents(epoch, places_K)) + 1).sum())
                dataset.release()
        return total
