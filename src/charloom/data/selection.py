"""Which documents of a store make up a part of it: runs of neighbours.

The validation part is small, so the training part has few runs, whatever the number of documents.
Axes: documents that are asked for; R runs.
"""

import dataclasses
from collections.abc import Iterator
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """Documents of a store in their order, numbered from 0."""

    starts_R: NDArray[np.int64]
    """The store's number of the first document of each run."""
    offsets_R: NDArray[np.int64]
    """Documents before each run: the number of its first one."""
    total: int
    """Documents of all runs."""

    @classmethod
    def from_mask(cls, chosen: NDArray[np.bool_]) -> Self:
        """Return the documents for which ``chosen`` is true: (documents of the store,)."""
        changes = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
        firsts, lasts = changes[::2], changes[1::2]
        sizes = lasts - firsts
        return cls(starts_R=firsts, offsets_R=np.cumsum(sizes) - sizes, total=int(sizes.sum()))

    @classmethod
    def from_range(cls, first: int, last: int) -> Self:
        """Return the documents from ``first`` to before ``last``."""
        return cls(starts_R=np.array([first]), offsets_R=np.zeros(1, np.int64), total=last - first)

    def __len__(self) -> int:
        return self.total

    def run_indices(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the run of each document."""
        runs: NDArray[np.int64] = np.searchsorted(self.offsets_R, indices, side="right") - 1
        return runs

    def store_indices(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the store's number of each document."""
        if len(self.starts_R) == 1:
            first: int = self.starts_R[0]
            return indices + first
        run = self.run_indices(indices)
        places: NDArray[np.int64] = self.starts_R[run] + (indices - self.offsets_R[run])
        return places

    def mask(self, begin: int, end: int) -> NDArray[np.bool_]:
        """Return for each document of the store from ``begin`` to before ``end`` whether it is one.

        Takes a small part of the time of asking for the place of each.
        """
        sizes = np.diff(self.offsets_R, append=self.total)
        first = int(np.searchsorted(self.starts_R + sizes, begin, side="right"))
        last = int(np.searchsorted(self.starts_R, end))
        steps = np.zeros(end - begin + 1, dtype=np.int8)
        # Runs do not touch, so no place is named twice.
        steps[np.maximum(self.starts_R[first:last] - begin, 0)] = 1
        steps[np.minimum((self.starts_R + sizes)[first:last], end) - begin] = -1
        return np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)

    def blocks(self, size: int) -> Iterator[NDArray[np.int64]]:
        """Yield the store's numbers of all documents, ``size`` at a time."""
        for begin in range(0, self.total, size):
            yield self.store_indices(np.arange(begin, min(begin + size, self.total)))
