"""Minibatches: documents bucketed by length, or a stream in parallel lanes.

The order of the data is a law: an epoch's batches follow from the seed and the number of the epoch
alone. Texts longer than a window are read in windows, with the state carried from one to the next.

Axes: T steps (at most ``window``), B streams.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charloom.text.corpus import Part
from charloom.text.vocabulary import EOS

# Documents are shuffled, sorted by length within pools of this many batches, cut into batches, and
# the batches are shuffled: little padding, and an order that is still random.
POOL = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """T steps of B streams; ``mask_TB`` is false where a stream is padded."""

    inputs_TB: Tensor
    targets_TB: Tensor
    mask_TB: Tensor
    labels_B: Tensor
    """Label ids, -1 for none; they matter where ``starts`` is true."""
    starts: bool
    """Whether the streams start here; otherwise they go on from the state after the last batch, of
    which the first B streams remain."""
    symbols: int
    """Targets that count: the true values of the mask."""
    characters: int
    """Characters of the original text that these targets stand for."""

    def streams(self, first: int, step: int) -> "Batch":
        """Return every ``step``-th stream from ``first`` on; the counts stay those of the batch."""
        if step == 1:
            return self
        return dataclasses.replace(
            self,
            inputs_TB=self.inputs_TB[:, first::step].contiguous(),
            targets_TB=self.targets_TB[:, first::step],
            mask_TB=self.mask_TB[:, first::step],
            labels_B=self.labels_B[first::step],
        )

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on ``device``."""
        return dataclasses.replace(
            self,
            inputs_TB=self.inputs_TB.to(device),
            targets_TB=self.targets_TB.to(device),
            mask_TB=self.mask_TB.to(device),
            labels_B=self.labels_B.to(device),
        )


class Batches(Protocol):
    """What the trainer reads."""

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the ``first`` ones."""
        ...

    @property
    def symbols(self) -> int:
        """Targets in one epoch."""
        ...


def _batch(
    rows: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    labels: NDArray[np.int64],
    *,
    starts: bool,
) -> Batch:
    """Return a batch of rows: symbols, one more than targets, and the targets' widths."""
    steps = max(len(ids) for ids, _ in rows) - 1
    ids_TB = np.full((steps + 1, len(rows)), EOS)
    mask_TB = np.zeros((steps, len(rows)), dtype=bool)
    for column, (ids, _) in enumerate(rows):
        ids_TB[: len(ids), column] = ids
        mask_TB[: len(ids) - 1, column] = True
    return Batch(
        inputs_TB=torch.from_numpy(ids_TB[:-1]),
        targets_TB=torch.from_numpy(ids_TB[1:]),
        mask_TB=torch.from_numpy(mask_TB),
        labels_B=torch.from_numpy(labels),
        starts=starts,
        symbols=int(mask_TB.sum()),
        characters=sum(int(widths.sum()) for _, widths in rows),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentBatches:
    """Documents, each ``<eos>``, its symbols, ``<eos>``; similar lengths share a batch."""

    part: Part
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
        return self.part.total_symbols

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the ``first`` ones."""
        lengths = self.part.lengths
        rng = None if self.seed is None else np.random.default_rng([self.seed, number])
        for group in _groups(lengths, self.batch_size, rng):
            labels = self.part.labels[group].astype(np.int64)
            if rng is not None and self.label_dropout:
                labels[rng.random(len(group)) < self.label_dropout] = -1
            windows = math.ceil((int(lengths[group[0]]) + 1) / self.window)
            if first < windows:
                yield from self._windows(group, labels, first)
            first = max(0, first - windows)

    def _windows(
        self, group: NDArray[np.int64], labels: NDArray[np.int64], first: int
    ) -> Iterator[Batch]:
        """Yield the windows of a group that is sorted from long to short: finished rows leave."""
        targets = self.part.lengths[group] + 1
        for begin in range(first * self.window, int(targets[0]), self.window):
            open_rows = group[targets > begin]
            rows = [self._row(int(index), begin) for index in open_rows]
            yield _batch(rows, labels[: len(rows)], starts=begin == 0)

    def _row(self, index: int, begin: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the symbols of the targets from ``begin`` on, and the targets' widths."""
        part, start, stop = self.part, int(self.part.starts[index]), int(self.part.stops[index])
        # Target t of a document is its symbol t; the one after the last is the boundary.
        end = min(start + begin + self.window, stop)
        raw = part.ids[start + begin : end]
        closes = start + begin + self.window > stop
        first = EOS if begin == 0 else int(part.lookup[part.ids[start + begin - 1]])
        ids = np.full(1 + len(raw) + closes, EOS)
        ids[0] = first
        ids[1 : 1 + len(raw)] = part.lookup[raw]
        return ids, np.append(part.widths[raw], 1) if closes else part.widths[raw]


def _groups(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator | None
) -> Iterator[NDArray[np.int64]]:
    """Yield the documents of each batch, every group sorted from long to short."""
    if rng is None:
        order = np.argsort(-lengths, kind="stable")
        yield from np.split(order, range(batch_size, len(order), batch_size))
        return
    order = rng.permutation(len(lengths))
    for begin in range(0, len(order), POOL * batch_size):
        pool = order[begin : begin + POOL * batch_size]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        groups = np.split(pool, range(batch_size, len(pool), batch_size))
        for index in rng.permutation(len(groups)):
            yield groups[index]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamBatches:
    """All documents as one stream, ``<eos>`` around each, in ``batch_size`` lanes side by side.

    The state is carried along each lane for a whole epoch. The first window of an epoch has a
    random length, so that windows are not cut at the same places every time.
    """

    part: Part
    batch_size: int
    window: int
    seed: int

    @property
    def symbols(self) -> int:
        """Targets in one epoch."""
        return self.part.total_symbols

    @functools.cached_property
    def _ends(self) -> NDArray[np.int64]:
        """The boundary after each document; document d fills the positions before ``_ends[d]``."""
        ends: NDArray[np.int64] = np.cumsum(self.part.lengths + 1)
        return ends

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch ``number``, from 1, without the ``first`` ones."""
        rng = np.random.default_rng([self.seed, number])
        lane = math.ceil(self.symbols / self.batch_size)
        lanes = [(begin, min(begin + lane, self.symbols)) for begin in range(0, self.symbols, lane)]
        cuts = [0, *range(1 + int(rng.integers(min(self.window, lane))), lane, self.window), lane]
        none = np.full(len(lanes), -1, dtype=np.int64)
        for begin, end in zip(cuts[first:], cuts[first + 1 :], strict=False):
            spans = [(first + begin, min(first + end, last)) for first, last in lanes]
            rows = [self._row(start, stop) for start, stop in spans if start < stop]
            yield _batch(rows, none[: len(rows)], starts=begin == 0)

    def _row(self, begin: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return symbols ``begin`` to ``end`` of the stream, both counted, and targets' widths."""
        part, ends = self.part, self._ends
        ids, widths = [], []
        position = begin
        while position <= end:
            document = int(np.searchsorted(ends, position)) if position else -1
            if document < 0 or position == ends[document]:
                ids.append(np.array([EOS]))
                widths.append(np.array([1]))
                position += 1
                continue
            offset = int(part.stops[document] - ends[document])
            stop = min(int(ends[document]), end + 1)
            raw = part.ids[position + offset : stop + offset]
            ids.append(part.lookup[raw])
            widths.append(part.widths[raw])
            position = stop
        return np.concatenate(ids), np.concatenate(widths)[1:]
