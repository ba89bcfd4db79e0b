"""A subset of a store's documents, kept as runs of neighbors.

The validation set is small, so the training set has few runs, however many documents it has.
Axes: documents asked for; R runs.
"""

import dataclasses
from collections.abc import Iterator
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """Documents of a store in their order, indexed from 0."""

    starts_R: NDArray[np.int64]
    """The store's index of the first document of each run."""
    offsets_R: NDArray[np.int64]
    """Documents in the runs before each run: the index of its first document."""
    total: int
    """Documents of all runs."""

    @classmethod
    def from_mask(cls, mask: NDArray[np.bool_]) -> Self:
        """Return the documents for which ``mask`` is True: (documents of the store,)."""
        changes = np.flatnonzero(np.diff(mask, prepend=False, append=False))
        starts, stops = changes[::2], changes[1::2]
        sizes = stops - starts
        return cls(starts_R=starts, offsets_R=np.cumsum(sizes) - sizes, total=int(sizes.sum()))

    @classmethod
    def from_range(cls, start: int, stop: int) -> Self:
        """Return the documents from ``start`` to before ``stop``."""
        return cls(starts_R=np.array([start]), offsets_R=np.zeros(1, np.int64), total=stop - start)

    def __len__(self) -> int:
        return self.total

    def run_indices(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the run of each document."""
        runs: NDArray[np.int64] = np.searchsorted(self.offsets_R, indices, side="right") - 1
        return runs

    def store_indices(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the store's index of each document."""
        if len(self.starts_R) == 1:
            start: int = self.starts_R[0]
            return indices + start
        runs = self.run_indices(indices)
        documents: NDArray[np.int64] = self.starts_R[runs] + (indices - self.offsets_R[runs])
        return documents

    def count_before(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many are selected before each of some documents of the store."""
        if not self.total:
            return np.zeros(len(documents), dtype=np.int64)
        runs = np.maximum(np.searchsorted(self.starts_R, documents, side="right") - 1, 0)
        sizes = np.diff(self.offsets_R, append=self.total)
        within = np.clip(documents - self.starts_R[runs], 0, sizes[runs])
        counts: NDArray[np.int64] = self.offsets_R[runs] + within
        return counts

    def mask(self, begin: int, end: int) -> NDArray[np.bool_]:
        """Return which documents of the store are selected, among ``begin`` to ``end``.

        ``end`` is excluded. Much faster than ``store_indices`` of all documents.
        """
        sizes = np.diff(self.offsets_R, append=self.total)
        first = int(np.searchsorted(self.starts_R + sizes, begin, side="right"))
        last = int(np.searchsorted(self.starts_R, end))
        steps = np.zeros(end - begin + 1, dtype=np.int8)
        # Runs are not adjacent, so no index occurs twice.
        steps[np.maximum(self.starts_R[first:last] - begin, 0)] = 1
        steps[np.minimum((self.starts_R + sizes)[first:last], end) - begin] = -1
        return np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)

    def blocks(self, size: int) -> Iterator[NDArray[np.int64]]:
        """Yield the store's indices of all documents, ``size`` at a time."""
        for begin in range(0, self.total, size):
            yield self.store_indices(np.arange(begin, min(begin + size, self.total)))
