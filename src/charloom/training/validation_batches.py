"""Minibatches of the validation set, in which long documents are cut into pieces.

A document is one sequence, whose symbols can only be read one after another. A long one is cut
into pieces, which are read in parallel. Each piece but the first starts WARM_UP symbols before its
first target, from the initial state; no loss is counted until the first target. Within so many
symbols the state forgets how it began, and the loss hardly differs from that of the whole document
(docs/experiments.md has the differences).

Axes: D documents, K pieces, U symbols (time steps + 1), B sequences of a batch.
"""

import dataclasses
from collections.abc import Iterator
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from charloom.data.dataset import Dataset
from charloom.data.memory_map import RELEASE_AFTER
from charloom.network.batch import Batch
from charloom.training.batches import build_batch

PIECE_TARGETS: Final = 1024
"""Targets of a piece; the last piece of a document may have fewer."""
WARM_UP: Final = 256
"""Symbols that a piece reads before its first target."""

Ints = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Pieces:
    """Pieces of documents, or whole documents, that are read in parallel."""

    begins_K: Ints
    """Index in the dataset's ids of the first symbol that is read."""
    ends_K: Ints
    """Index after the last symbol."""
    warm_up_K: Ints
    """Targets at the start that are not counted."""
    targets_K: Ints
    """All targets, those of the warm-up included, with the boundary after a document's end."""
    labels_K: Ints

    @classmethod
    def from_dataset(cls, dataset: Dataset) -> Self:
        """Cut every document of more than PIECE_TARGETS + WARM_UP symbols."""
        documents_D = np.arange(len(dataset))
        begins_D, ends_D = dataset.spans(documents_D)
        lengths_D = ends_D - begins_D
        is_long_D = lengths_D > PIECE_TARGETS + WARM_UP
        pieces_D = np.where(is_long_D, -(-lengths_D // PIECE_TARGETS), 1)
        document_K = np.repeat(documents_D, pieces_D)
        number_K = np.arange(len(document_K)) - np.repeat(np.cumsum(pieces_D) - pieces_D, pieces_D)
        is_last_K = number_K == pieces_D[document_K] - 1
        first_target_K = begins_D[document_K] + number_K * PIECE_TARGETS
        ends_K = np.where(is_last_K, ends_D[document_K], first_target_K + PIECE_TARGETS)
        warm_up_K = np.where(number_K > 0, WARM_UP, 0)
        begins_K = first_target_K - warm_up_K
        return cls(
            begins_K=begins_K,
            ends_K=ends_K,
            warm_up_K=warm_up_K,
            targets_K=ends_K - begins_K + is_last_K,
            labels_K=dataset.labels(documents_D)[document_K],
        )

    def __getitem__(self, selected: slice | Ints) -> "_Pieces":
        values = vars(self).items()
        return _Pieces(**{name: values_K[selected] for name, values_K in values})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ValidationBatches:
    """Batches of all documents, those with the most targets first.

    Sequences are read in windows, with the hidden state carried over.
    """

    dataset: Dataset
    batch_size: int = 64
    window: int = 128

    def __iter__(self) -> Iterator[Batch]:
        pieces = _Pieces.from_dataset(self.dataset)
        by_targets = np.argsort(-pieces.targets_K, kind="stable")
        for first in range(0, len(by_targets), self.batch_size):
            bucket = pieces[by_targets[first : first + self.batch_size]]
            for start in range(0, int(bucket.targets_K[0]), self.window):
                yield self._window(bucket, start)
            if first % RELEASE_AFTER < self.batch_size:
                self.dataset.release()

    def _window(self, bucket: _Pieces, start: int) -> Batch:
        """Return the window from target ``start``, without sequences that have ended."""
        bucket = bucket[: int(np.count_nonzero(bucket.targets_K > start))]
        steps = min(int(bucket.targets_K[0]) - start, self.window)
        targets_U1 = np.arange(start, start + steps + 1)[:, None]
        # Target t of a sequence is its symbol t, and after the last symbol the boundary.
        indices_UB = bucket.begins_K + targets_U1 - 1
        is_counted_UB = (targets_U1 >= bucket.warm_up_K) & (targets_U1 < bucket.targets_K)
        return build_batch(
            self.dataset,
            indices_UB=np.clip(indices_UB, bucket.begins_K, bucket.ends_K - 1),
            is_text_UB=(indices_UB >= bucket.begins_K) & (indices_UB < bucket.ends_K),
            mask_TB=is_counted_UB[:-1],
            labels_B=bucket.labels_K,
            starts=start == 0,
        )
