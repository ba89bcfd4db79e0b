"""Minibatches: documents bucketed by length, or one stream in parallel lanes.

The batches of an epoch depend only on the seed and the number of the epoch. Any of them can be
built without those before it, which makes resuming exact. Documents longer than a window are read
in several windows, with the hidden state carried over. Memory use does not depend on the size of
the dataset.

Axes: T time steps (at most ``window``), U symbols (T + 1), B sequences, K documents of a lane.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from charloom.data.dataset import Dataset
from charloom.data.memory_map import RELEASE_AFTER
from charloom.network.batch import Batch
from charloom.randomness import random_key, random_uniform
from charloom.text.vocabulary import EOS
from charloom.training.shuffle import RandomPermutation
from charloom.training.weighted_documents import WeightedDocuments

BATCHES_PER_POOL: Final = 50
"""Documents are sorted by length within a pool of this many batches, to reduce padding."""


class Batches(Protocol):
    """A source of minibatches, epoch by epoch."""

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the first ``skip``."""
        ...

    def symbols(self, number: int) -> int:
        """Return the targets in epoch ``number``, from 1."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class _LengthBucket:
    """Documents of similar length, from long to short, that are read in parallel."""

    documents_B: NDArray[np.int64]
    lengths_B: NDArray[np.int64]
    """In symbols, without boundaries."""
    labels_B: NDArray[np.int64]

    def window_starts(self, window: int) -> range:
        """Return the first target of each window; the boundary is a target too."""
        return range(0, int(self.lengths_B[0]) + 1, window)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentBatches:
    """Batches of documents, each read as ``<eos>``, its symbols, ``<eos>``.

    Documents are shuffled and divided into pools. Within a pool they are sorted by length and cut
    into buckets, which are shuffled again. Each bucket is one batch, or several if its longest
    document exceeds the window.
    """

    dataset: Dataset
    batch_size: int
    window: int
    seed: int
    """Seed of the order."""
    label_dropout: float = 0.0
    """Fraction of the documents that are read without their label, so that the model can also
    generate without one."""
    weighted: WeightedDocuments | None = None
    """The documents of an epoch; None: each of the dataset once."""
    batches_per_pool: int = BATCHES_PER_POOL

    def symbols(self, number: int) -> int:
        """Return the targets in epoch ``number``, from 1."""
        if self.weighted is None:
            return self.dataset.total_symbols
        return self.weighted.symbols(self.dataset, number)

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the first ``skip``.

        Skipping takes no time if all documents fit into a window; otherwise the lengths of the
        skipped documents are read.
        """
        first_pool, pools = 0, math.ceil(self._places / self._pool_size)
        if self.dataset.max_length < self.window:
            first_pool = min(skip // self.batches_per_pool, pools - 1)
            skip -= first_pool * self.batches_per_pool
        documents_read = 0
        for pool in range(first_pool, pools):
            for bucket in self._buckets(number, pool):
                starts = bucket.window_starts(self.window)
                for start in starts[skip:]:
                    yield self._window(bucket, start)
                skip = max(0, skip - len(starts))
                documents_read += len(bucket.documents_B)
                if documents_read >= RELEASE_AFTER:
                    self.dataset.release()
                    documents_read = 0

    @property
    def _places(self) -> int:
        """Documents that are read in an epoch."""
        return len(self.dataset if self.weighted is None else self.weighted)

    @property
    def _pool_size(self) -> int:
        return self.batches_per_pool * self.batch_size

    def _buckets(self, epoch: int, pool: int) -> Iterator[_LengthBucket]:
        """Yield the buckets of one pool in random order."""
        begin = pool * self._pool_size
        end = min(begin + self._pool_size, self._places)
        documents = RandomPermutation(self._places, (self.seed, epoch)).values(begin, end)
        if self.weighted is not None:
            documents = self.weighted.documents(epoch, documents)
        lengths = self.dataset.lengths(documents)
        labels = self.dataset.labels(documents)
        by_length = np.argsort(-lengths, kind="stable")
        if self.label_dropout:
            dropped = random_uniform(random_key(self.seed, epoch, pool), len(labels))
            labels[dropped < self.label_dropout] = -1
        buckets = math.ceil(len(documents) / self.batch_size)
        order = RandomPermutation(buckets, (self.seed, epoch, pool)).values(0, buckets)
        for index in order.tolist():
            members = by_length[index * self.batch_size : (index + 1) * self.batch_size]
            yield _LengthBucket(
                documents_B=documents[members],
                lengths_B=lengths[members],
                labels_B=labels[members],
            )

    def _window(self, bucket: _LengthBucket, start: int) -> Batch:
        """Return the window from target ``start``, without documents that have ended."""
        # Target t of a document is its symbol t, and after the last symbol the boundary.
        remaining_B = bucket.lengths_B + 1 - start
        sequences = int(np.count_nonzero(remaining_B > 0))
        remaining_B = np.minimum(remaining_B[:sequences], self.window)
        begins_B, ends_B = self.dataset.spans(bucket.documents_B[:sequences])
        steps_U1 = np.arange(int(remaining_B[0]) + 1)[:, None]
        indices_UB = steps_U1 + (begins_B + (start - 1))
        return build_batch(
            self.dataset,
            indices_UB=np.clip(indices_UB, begins_B, ends_B - 1),
            is_text_UB=(indices_UB >= begins_B) & (indices_UB < ends_B),
            mask_TB=steps_U1[:-1] < remaining_B,
            labels_B=bucket.labels_B[:sequences],
            starts=start == 0,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamBatches:
    """Batches of one stream: all documents in order, with ``<eos>`` around each.

    The stream is cut into ``batch_size`` lanes of equal length, which are read in parallel. The
    hidden state is carried along each lane for a whole epoch. The first window of an epoch has a
    random length, so that windows end at other positions in each epoch.
    """

    dataset: Dataset
    batch_size: int
    window: int
    seed: int

    def symbols(self, number: int) -> int:
        """Return the targets in an epoch, whatever its number."""
        return self.dataset.total_symbols

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the first ``skip``."""
        symbols = self.symbols(number)
        lane_length = math.ceil(symbols / self.batch_size)
        begins_B = np.arange(0, symbols, lane_length)
        ends_B = np.minimum(begins_B + lane_length, symbols)
        [random] = random_uniform(random_key(self.seed, number), 1)
        first_window = 1 + int(random * min(self.window, lane_length))
        cuts = [0, *range(first_window, lane_length, self.window), lane_length]
        documents_B = _documents_at(self.dataset, begins_B + cuts[min(skip, len(cuts) - 1)])
        for start, end in zip(cuts[skip:], cuts[skip + 1 :], strict=False):
            lanes = int(np.count_nonzero(begins_B + start < ends_B))
            positions_B = begins_B[:lanes] + start
            targets_B = np.minimum(begins_B[:lanes] + end, ends_B[:lanes]) - positions_B
            batch, documents_B = self._window(
                positions_B, targets_B, documents_B[:lanes], starts=start == 0
            )
            yield batch
            self.dataset.release()

    def _window(
        self,
        positions_B: NDArray[np.int64],
        targets_B: NDArray[np.int64],
        documents_B: NDArray[np.int64],
        *,
        starts: bool,
    ) -> tuple[Batch, NDArray[np.int64]]:
        """Return the ``targets_B`` symbols after each position, and the documents there.

        A position counts symbols and boundaries from the start of the stream. ``documents_B`` are
        the documents at ``positions_B``; a boundary belongs to the document that it ends.
        """
        steps, last = int(targets_B.max()), len(self.dataset) - 1
        # Documents that may begin in the window: each has a symbol and a boundary, or more.
        following_1K = np.arange(steps // 2 + 2)[None]
        documents_BK = np.minimum(documents_B[:, None] + following_1K, last)
        boundaries_BK = self.dataset.end_positions(documents_BK)
        _, ends_BK = self.dataset.spans(documents_BK)

        steps_U1 = np.arange(steps + 1)[:, None]
        positions_UB = steps_U1 + positions_B
        lanes_BK = np.broadcast_to(np.arange(len(positions_B))[:, None], boundaries_BK.shape)
        boundary_steps_BK = boundaries_BK - positions_B[:, None]
        in_window_BK = boundary_steps_BK <= steps
        is_boundary_UB = np.zeros(positions_UB.shape, dtype=bool)
        is_boundary_UB[boundary_steps_BK[in_window_BK], lanes_BK[in_window_BK]] = True

        # Documents are numbered within the window by the boundaries passed before each step.
        number_UB = np.cumsum(is_boundary_UB, axis=0) - is_boundary_UB
        lanes_B = lanes_BK[:, 0]
        indices_UB = positions_UB + (ends_BK - boundaries_BK)[lanes_B, number_UB]
        is_text_UB = ~is_boundary_UB & (positions_UB > 0) & (steps_U1 <= targets_B)
        batch = build_batch(
            self.dataset,
            indices_UB=np.where(is_text_UB, indices_UB, self.dataset.ids_begin),
            is_text_UB=is_text_UB,
            mask_TB=steps_U1[:-1] < targets_B,
            labels_B=np.full(len(positions_B), -1),
            starts=starts,
        )
        return batch, np.minimum(documents_B + number_UB[targets_B, lanes_B], last)


def _documents_at(dataset: Dataset, positions_B: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the document at each position of a stream, by binary search."""
    low_B = np.zeros(len(positions_B), dtype=np.int64)
    high_B = np.full(len(positions_B), len(dataset) - 1)
    while (low_B < high_B).any():
        middle_B = (low_B + high_B) // 2
        before_B = dataset.end_positions(middle_B) < positions_B
        low_B = np.where(before_B, middle_B + 1, low_B)
        high_B = np.where(before_B, high_B, middle_B)
    return low_B


def build_batch(
    dataset: Dataset,
    *,
    indices_UB: NDArray[np.int64],
    is_text_UB: NDArray[np.bool_],
    mask_TB: NDArray[np.bool_],
    labels_B: NDArray[np.int64],
    starts: bool,
) -> Batch:
    """Return a batch of the ids at ``indices_UB``, and ``<eos>`` at boundaries.

    ``mask_TB`` is true at the targets whose loss counts.
    """
    raw_UB = dataset.ids[indices_UB]
    ids_UB = dataset.id_lookup.take(raw_UB)
    ids_UB[~is_text_UB] = EOS
    widths_TB = np.where(is_text_UB[1:], dataset.widths.take(raw_UB[1:]), 1)
    return Batch(
        inputs_TB=ids_UB[:-1],
        targets_TB=ids_UB[1:],
        mask_TB=mask_TB,
        labels_B=labels_B,
        starts=starts,
        symbols=int(np.count_nonzero(mask_TB)),
        characters=int(widths_TB.sum(where=mask_TB)),
    )
