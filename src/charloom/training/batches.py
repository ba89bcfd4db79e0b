"""Minibatches: documents bucketed by length, or a stream in parallel lanes.

The order of the data is a law: an epoch's batches follow from the seed and the number of the epoch
alone, and any of them can be had without those before. Texts longer than a window are read in
windows, with the state carried from one to the next. Memory does not grow with the text.

Axes: T steps (at most ``window``), U symbols (one more than T), B streams, K documents of a stream.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from charloom.data.dataset import Dataset
from charloom.data.memory_map import RELEASE_AFTER
from charloom.network.backprop.batch import Batch
from charloom.text.vocabulary import EOS
from charloom.training.shuffle import RandomPermutation

# Documents are shuffled, sorted by length within pools of this many batches, cut into batches, and
# the batches are shuffled: little padding, and an order that is still random.
BATCHES_PER_POOL = 50


class Batches(Protocol):
    """What the trainer reads."""

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the ``first`` ones."""
        ...

    @property
    def symbols(self) -> int:
        """Targets in one epoch."""
        ...


def _batch(
    part: Dataset,
    places_UB: NDArray[np.int64],
    text_UB: NDArray[np.bool_],
    mask_TB: NDArray[np.bool_],
    labels_B: NDArray[np.int64],
    *,
    starts: bool,
) -> Batch:
    """Return a batch of the symbols at ``places_UB``; where no text is, there is a boundary."""
    raw_UB = part.ids[places_UB]
    ids_UB = part.id_lookup.take(raw_UB)
    ids_UB[~text_UB] = EOS
    widths_TB = np.where(text_UB[1:], part.widths.take(raw_UB[1:]), 1)
    return Batch(
        inputs_TB=torch.from_numpy(ids_UB[:-1]),
        targets_TB=torch.from_numpy(ids_UB[1:]),
        mask_TB=torch.from_numpy(mask_TB),
        labels_B=torch.from_numpy(labels_B),
        starts=starts,
        symbols=int(np.count_nonzero(mask_TB)),
        characters=int(widths_TB.sum(where=mask_TB)),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _LengthBucket:
    """Documents that are read side by side, from long to short."""

    documents_B: NDArray[np.int64]
    lengths_B: NDArray[np.int64]
    labels_B: NDArray[np.int64]

    def windows(self, window: int) -> range:
        """Return where each window begins."""
        return range(0, int(self.lengths_B[0]) + 1, window)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentBatches:
    """Documents, each ``<eos>``, its symbols, ``<eos>``; similar lengths share a batch."""

    dataset: Dataset
    batch_size: int
    window: int
    seed: int | None
    """Seed of the order; None: longest first, for validation."""
    label_dropout: float = 0.0
    """Share of the documents that are read without their label, so that the model can also write
    without one."""

    @property
    def symbols(self) -> int:
        """Targets in one epoch."""
        return self.dataset.total_symbols

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the ``first`` ones.

        Where all documents fit into a window, those that are left out take no time; otherwise
        their lengths are looked up.
        """
        skipped = 0
        pools = math.ceil(len(self.dataset) / self._pool_size)
        if self.dataset.max_length < self.window and self.seed is not None:
            skipped = min(skip // BATCHES_PER_POOL, pools - 1)
            skip -= skipped * BATCHES_PER_POOL
        looked_at = 0
        for index in range(skipped, pools):
            for group in self._pool(number, index):
                windows = group.windows(self.window)
                for begin in windows[skip:]:
                    yield self._window(group, begin)
                skip = max(0, skip - len(windows))
                looked_at += len(group.documents_B)
                if looked_at >= RELEASE_AFTER:
                    self.dataset.release()
                    looked_at = 0

    @property
    def _pool_size(self) -> int:
        # Validation is one pool: it is small.
        return BATCHES_PER_POOL * self.batch_size if self.seed is not None else len(self.dataset)

    def _pool(self, number: int, index: int) -> Iterator[_LengthBucket]:
        """Yield the groups of a pool of epoch ``number``."""
        part, size = self.dataset, self._pool_size
        begin, end = index * size, min((index + 1) * size, len(part))
        if self.seed is None:
            documents = np.arange(begin, end)
        else:
            documents = RandomPermutation(len(part), (self.seed, number)).values(begin, end)
        lengths = part.lengths(documents)
        labels = part.labels(documents)
        by_length = np.argsort(-lengths, kind="stable")
        order = np.arange(math.ceil(len(documents) / self.batch_size))
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, number, index])
            if self.label_dropout:
                labels[rng.random(len(labels)) < self.label_dropout] = -1
            rng.shuffle(order)
        for group in order.tolist():
            chosen = by_length[group * self.batch_size : (group + 1) * self.batch_size]
            yield _LengthBucket(
                documents_B=documents[chosen],
                lengths_B=lengths[chosen],
                labels_B=labels[chosen],
            )

    def _window(self, group: _LengthBucket, begin: int) -> Batch:
        """Return the window of a group from target ``begin`` on: finished documents leave."""
        # Target t of a document is its symbol t; the one after the last is the boundary.
        left_B = group.lengths_B + 1 - begin
        streams = int(np.count_nonzero(left_B > 0))
        left_B = np.minimum(left_B[:streams], self.window)
        starts_B, stops_B = self.dataset.spans(group.documents_B[:streams])
        steps_U1 = np.arange(int(left_B[0]) + 1)[:, None]
        places_UB = steps_U1 + (starts_B + (begin - 1))
        text_UB = (places_UB >= starts_B) & (places_UB < stops_B)
        return _batch(
            self.dataset,
            np.clip(places_UB, starts_B, stops_B - 1),
            text_UB,
            steps_U1[:-1] < left_B,
            group.labels_B[:streams],
            starts=begin == 0,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamBatches:
    """All documents as one stream, ``<eos>`` around each, in ``batch_size`` lanes side by side.

    The state is carried along each lane for a whole epoch. The first window of an epoch has a
    random length, so that windows are not cut at the same places every time.
    """

    dataset: Dataset
    batch_size: int
    window: int
    seed: int

    @property
    def symbols(self) -> int:
        """Targets in one epoch."""
        return self.dataset.total_symbols

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the ``first`` ones."""
        rng = np.random.default_rng([self.seed, number])
        lane = math.ceil(self.symbols / self.batch_size)
        firsts_B = np.arange(0, self.symbols, lane)
        lasts_B = np.minimum(firsts_B + lane, self.symbols)
        cut = 1 + int(rng.integers(min(self.window, lane)))
        cuts = [0, *range(cut, lane, self.window), lane]
        documents_B = _documents_at(self.dataset, firsts_B + cuts[min(skip, len(cuts) - 1)])
        for begin, end in zip(cuts[skip:], cuts[skip + 1 :], strict=False):
            lanes = int(np.count_nonzero(firsts_B + begin < lasts_B))
            places_B = firsts_B[:lanes] + begin
            left_B = np.minimum(firsts_B[:lanes] + end, lasts_B[:lanes]) - places_B
            batch, documents_B = self._window(places_B, left_B, documents_B[:lanes], begin == 0)
            yield batch
            self.dataset.release()

    def _window(
        self,
        places_B: NDArray[np.int64],
        left_B: NDArray[np.int64],
        documents_B: NDArray[np.int64],
        starts: bool,
    ) -> tuple[Batch, NDArray[np.int64]]:
        """Return ``left_B`` targets after the places in the stream, and the documents there.

        ``documents_B`` are those at the places; document d is at all places up to its boundary.
        """
        part, steps = self.dataset, int(left_B.max())
        # A document takes two places or more, its boundary being one of them.
        ahead_1K = np.arange(steps // 2 + 2)[None]
        documents_BK = np.minimum(documents_B[:, None] + ahead_1K, len(part) - 1)
        ends_BK = part.end_positions(documents_BK)
        _, stops_BK = part.spans(documents_BK)
        steps_U1 = np.arange(steps + 1)[:, None]
        stream_UB = steps_U1 + places_B
        lanes_BK = np.broadcast_to(np.arange(len(places_B))[:, None], ends_BK.shape)
        inside_BK = ends_BK - places_B[:, None] <= steps
        boundary_UB = np.zeros(stream_UB.shape, dtype=bool)
        boundary_UB[(ends_BK - places_B[:, None])[inside_BK], lanes_BK[inside_BK]] = True
        # How many documents further than the first: as many as boundaries were passed.
        ahead_UB = np.cumsum(boundary_UB, axis=0) - boundary_UB
        lanes_B = lanes_BK[:, 0]
        raw_UB = stream_UB + (stops_BK - ends_BK)[lanes_B, ahead_UB]
        text_UB = ~boundary_UB & (stream_UB > 0) & (steps_U1 <= left_B)
        batch = _batch(
            part,
            np.where(text_UB, raw_UB, part.ids_begin),
            text_UB,
            steps_U1[:-1] < left_B,
            np.full(len(places_B), -1),
            starts=starts,
        )
        return batch, np.minimum(documents_B + ahead_UB[left_B, lanes_B], len(part) - 1)


def _documents_at(part: Dataset, places_B: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first document of a stream whose boundary is not before each place."""
    low_B = np.zeros(len(places_B), dtype=np.int64)
    high_B = np.full(len(places_B), len(part) - 1)
    while (low_B < high_B).any():
        middle_B = (low_B + high_B) // 2
        before_B = part.end_positions(middle_B) < places_B
        low_B = np.where(before_B, middle_B + 1, low_B)
        high_B = np.where(before_B, high_B, middle_B)
    return low_B
