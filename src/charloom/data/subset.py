"""Subsets of a store, with the counts from which a vocabulary is made."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.data.dataset import Dataset
from charloom.data.memory_map import RELEASE_AFTER, release
from charloom.data.selection import Selection
from charloom.data.store import Store
from charloom.text.symbols import count_characters
from charloom.text.vocabulary import UNK, Vocabulary

BLOCK_IDS = 1 << 20
"""Ids or hashes that are read at once."""
_SORTED_HASHES = 1 << 23
"""Hashes that are sorted at once."""
_BLOCK_DOCUMENTS = 1 << 16
"""Documents whose offsets are read before their pages are released."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subset:
    """Some documents of a store."""

    store: Store
    selection: Selection
    counts: NDArray[np.int64]
    """Occurrences of each symbol in the documents: (symbols,)."""
    label_counts: NDArray[np.int64]
    """Documents with each label: (labels,)."""
    ids_begin: int = 0
    ids_end: int | None = None
    """Ids of the store before ``ids_begin`` and from ``ids_end`` on do not belong to it."""

    def labels(self) -> set[str]:
        """Return the labels that the documents have."""
        return {self.store.labels[index] for index in np.flatnonzero(self.label_counts)}

    def to_dataset(self, vocabulary: Vocabulary, labels: tuple[str, ...]) -> Dataset:
        """Return the documents with ids of ``vocabulary`` and indices of ``labels``."""
        store = self.store
        index_of = {label: index for index, label in enumerate(labels)}
        # Index -1, for no label, finds the last entry.
        lookup = np.array([*(index_of.get(label, -1) for label in store.labels), -1], np.int32)
        widths = [count_characters(symbol, store.level) for symbol in store.symbols]
        return Dataset(
            ids=store.ids,
            offsets=store.offsets,
            selection=self.selection,
            ids_begin=self.ids_begin,
            ids_end=len(store.ids) if self.ids_end is None else self.ids_end,
            label_ids=store.label_ids,
            label_lookup=lookup,
            level=store.level,
            symbols=store.symbols,
            id_lookup=np.array([vocabulary.ids.get(s, UNK) for s in store.symbols], np.int64),
            widths=np.array(widths, np.int64),
            counts=self.counts,
            max_length=store.max_length,
        )


def all_documents(store: Store) -> Subset:
    """Return all documents of a store."""
    return Subset(
        store=store,
        selection=Selection.from_range(0, len(store.hashes)),
        counts=store.counts,
        label_counts=store.label_counts,
    )


def split_by_mask(store: Store, mask: NDArray[np.bool_]) -> tuple[Subset, Subset]:
    """Return the documents that are not in ``mask``, and those that are."""
    # Only the smaller side is counted; the other one has the rest of the store's counts.
    few = mask if 2 * int(mask.sum()) <= len(mask) else ~mask
    selection = Selection.from_mask(few)
    counts, label_counts = _count_symbols(store, selection)
    small = Subset(store=store, selection=selection, counts=counts, label_counts=label_counts)
    large = Subset(
        store=store,
        selection=Selection.from_mask(~few),
        counts=store.counts - counts,
        label_counts=store.label_counts - label_counts,
    )
    return (large, small) if few is mask else (small, large)


def without_documents(subset: Subset, mask: NDArray[np.bool_]) -> Subset:
    """Return ``subset`` without the documents of the store that are in ``mask``."""
    selected = subset.selection.mask(0, len(mask))
    removed = Selection.from_mask(selected & mask)
    if not len(removed):
        return subset
    counts, label_counts = _count_symbols(subset.store, removed)
    return dataclasses.replace(
        subset,
        selection=Selection.from_mask(selected & ~mask),
        counts=subset.counts - counts,
        label_counts=subset.label_counts - label_counts,
    )


def copied_documents(store: Store) -> NDArray[np.bool_]:
    """Return a mask of the documents with the same text as an earlier one."""
    hashes = store.hashes
    mask = np.zeros(len(hashes), dtype=bool)
    # In parts by the hash, since sorting takes 24 bytes of memory per document.
    parts = np.uint64(len(hashes) // _SORTED_HASHES + 1)
    for part in range(int(parts)):
        documents = np.flatnonzero(hashes % parts == part)
        _, first = np.unique(hashes[documents], return_index=True)
        mask[documents] = True
        mask[documents[first]] = False
        release(hashes)
    return mask


def _count_symbols(
    store: Store, selection: Selection
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the occurrences of each symbol, and the documents with each label."""
    counts = np.zeros(len(store.symbols), dtype=np.int64)
    label_counts = np.zeros(len(store.labels), dtype=np.int64)
    for documents in selection.blocks(RELEASE_AFTER):
        starts, stops = store.offsets[documents], store.offsets[documents + 1]
        for block in _id_blocks(store.ids, starts, stops):
            counts += np.bincount(block, minlength=len(counts))
            release(store.ids)
        if store.labels:
            label_ids = store.label_ids[documents]
            label_counts += np.bincount(label_ids[label_ids >= 0], minlength=len(label_counts))
        store.release()
    return counts, label_counts


def split_stream(store: Store, fraction: float, limit: int) -> tuple[Subset, Subset, bool]:
    """Split a stream before its last ``fraction``.

    Returns the training and the validation part, and whether ``limit`` reduced the latter.
    """
    ids, documents = store.ids, len(store.hashes)
    wanted = min(math.ceil(fraction * len(ids)), len(ids) - 1)
    cut = len(ids) - min(wanted, limit)
    # Never within a character of several bytes.
    while cut < len(ids) and count_characters(store.symbols[ids[cut]], store.level) == 0:
        cut += 1
    before = int(np.searchsorted(store.offsets[:-1], cut))
    after = int(np.searchsorted(store.offsets[1:], cut, side="right"))
    counts = np.bincount(ids[cut:], minlength=len(store.symbols))
    held_out = Subset(
        store=store,
        selection=Selection.from_range(after, documents),
        counts=counts,
        label_counts=_count_labels(store, after, documents),
        ids_begin=cut,
    )
    training = Subset(
        store=store,
        selection=Selection.from_range(0, before),
        counts=store.counts - counts,
        label_counts=store.label_counts - _count_labels(store, before, documents),
        ids_end=cut,
    )
    return training, held_out, wanted > limit


def _count_labels(store: Store, first: int, last: int) -> NDArray[np.int64]:
    """Return the documents with each label, from ``first`` to before ``last``."""
    label_ids = store.label_ids[first:last]
    label_ids = label_ids[label_ids >= 0]
    counts: NDArray[np.int64] = np.bincount(label_ids, minlength=len(store.labels))
    return counts


def document_lengths(store: Store, documents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the symbols of documents, given by ascending indices."""
    lengths = np.empty(len(documents), dtype=np.int64)
    for begin in range(0, len(documents), _BLOCK_DOCUMENTS):
        block = documents[begin : begin + _BLOCK_DOCUMENTS]
        lengths[begin : begin + _BLOCK_DOCUMENTS] = store.offsets[block + 1] - store.offsets[block]
        release(store.offsets)
    return lengths


def _id_blocks(
    ids: NDArray[Any], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> Iterator[NDArray[Any]]:
    """Yield the raw ids of documents in order, at most ``BLOCK_IDS`` at once."""
    lengths = stops - starts
    ends = np.cumsum(lengths)
    first, done = 0, 0
    while first < len(starts):
        last = int(np.searchsorted(ends, done + BLOCK_IDS, side="right"))
        if last == first:
            # One document longer than a block.
            last += 1
            for begin in range(starts[first], stops[first], BLOCK_IDS):
                yield ids[begin : min(begin + BLOCK_IDS, stops[first])]
        else:
            # Index of every symbol: its position in the block, shifted by document.
            shifts = starts[first:last] - (ends[first:last] - lengths[first:last] - done)
            yield ids[np.repeat(shifts, lengths[first:last]) + np.arange(ends[last - 1] - done)]
        first, done = last, int(ends[last - 1])
