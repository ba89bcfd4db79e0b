"""The corpus of a run: training set, validation set, vocabulary and labels."""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.data.dataset import Dataset
from charloom.data.memory_map import RELEASE_AFTER, release
from charloom.data.selection import Selection
from charloom.data.split import select_validation
from charloom.data.store import Store
from charloom.errors import CorpusError
from charloom.settings import TextSettings
from charloom.text.symbols import count_characters
from charloom.text.vocabulary import UNK, Vocabulary

MAX_VALIDATION_SYMBOLS = 1_000_000
"""Upper limit of the validation set: more takes time and makes the loss hardly more precise."""
MAX_STREAM_VALIDATION_SYMBOLS = 200_000
"""The same for a stream, which is one sequence and so cannot be read in batches."""

BLOCK_IDS = 1 << 20
"""Ids or hashes that are read at once."""
_BLOCK_HASHES = 1 << 16
_MAX_LABELS_SHOWN = 5
_MAX_LABEL_CHARACTERS = 40
"""Labels that a note lists, and characters of each."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corpus:
    """Everything that training reads."""

    training: Dataset
    validation: Dataset
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    """Labels of the training set, sorted."""
    notes: tuple[str, ...]
    """Notes for the user, each one sentence."""
    fingerprint: str
    """Hash of the sources; with a validation file, of both."""
    hashes: NDArray[np.uint64] | None = None
    """The store's hash of every document, in the training set or not: (documents of the store,).
    None for a stream, where documents are no units."""

    def training_hashes(self) -> Iterator[NDArray[np.uint64]]:
        """Yield the hashes of the training documents in blocks; nothing for a stream."""
        if self.hashes is None:
            return
        for begin in range(0, len(self.hashes), _BLOCK_HASHES):
            block = self.hashes[begin : begin + _BLOCK_HASHES]
            yield block[self.training.selection.mask(begin, begin + len(block))]
            release(self.hashes)


def build_corpus(
    store: Store, settings: TextSettings, *, seed: int, validation: Store | None = None
) -> Corpus:
    """Split ``store`` and build the vocabulary of the training set.

    Lines and documents are split by their text, so that equal ones are on one side. A stream is cut
    before its last ``valid_fraction``. With a ``validation`` store, nothing is split, and training
    documents that are also in it are left out. Raises CorpusError if a set would be useless.
    """
    if validation is None:
        training, held_out, notes = _split_store(store, settings, seed)
    else:
        held_out = _all_documents(validation)
        training, notes = _exclude_validation(store, validation)
    if not len(held_out.selection):
        raise CorpusError(
            "the validation set would be empty; give more text, or a validation file with --valid."
        )
    _check_counts(store, training.counts, settings.min_count)
    vocabulary = Vocabulary.from_counts(
        store.level, store.symbols, training.counts, settings.min_count, len(training.selection)
    )
    labels = tuple(sorted(training.labels()))
    unseen = sorted(held_out.labels() - set(labels))
    if unseen:
        notes = (
            *notes,
            f"labels that only the validation set has are ignored: {_format_labels(unseen)}.",
        )
    if int((training.label_counts == 1).sum()) > len(training.selection) / 2:
        numbers = f"there are {len(labels):,} labels for {len(training.selection):,} documents"
        notes = (*notes, f"{numbers}: is that the right --label-column?")
    store.release()
    return Corpus(
        training=training.to_dataset(vocabulary, labels),
        validation=held_out.to_dataset(vocabulary, labels),
        vocabulary=vocabulary,
        labels=labels,
        notes=notes,
        fingerprint=store.fingerprint + (f"+{validation.fingerprint}" if validation else ""),
        hashes=None if settings.unit == "stream" else store.hashes,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Split:
    """Documents of one set, before there is a vocabulary."""

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
        return {self.store.labels[index] for index in np.flatnonzero(self.label_counts)}

    def to_dataset(self, vocabulary: Vocabulary, labels: tuple[str, ...]) -> Dataset:
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


_Notes = tuple[str, ...]


def _format_labels(labels: Sequence[str]) -> str:
    """Return the first labels, shortened, and the number of the others."""
    shown = ", ".join(
        label if len(label) <= _MAX_LABEL_CHARACTERS else label[:_MAX_LABEL_CHARACTERS] + "..."
        for label in labels[:_MAX_LABELS_SHOWN]
    )
    return shown + (
        f" and {len(labels) - _MAX_LABELS_SHOWN:,} more" if len(labels) > _MAX_LABELS_SHOWN else ""
    )


def _all_documents(store: Store) -> _Split:
    return _Split(
        store=store,
        selection=Selection.from_range(0, len(store.hashes)),
        counts=store.counts,
        label_counts=store.label_counts,
    )


def _split_by_mask(store: Store, mask: NDArray[np.bool_]) -> tuple[_Split, _Split]:
    """Return the documents that are not in ``mask``, and those that are."""
    # Only the smaller side is counted; the other one has the rest of the store's counts.
    few = mask if 2 * int(mask.sum()) <= len(mask) else ~mask
    selection = Selection.from_mask(few)
    counts, label_counts = _count_symbols(store, selection)
    small = _Split(store=store, selection=selection, counts=counts, label_counts=label_counts)
    large = _Split(
        store=store,
        selection=Selection.from_mask(~few),
        counts=store.counts - counts,
        label_counts=store.label_counts - label_counts,
    )
    return (large, small) if few is mask else (small, large)


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


def _split_store(store: Store, settings: TextSettings, seed: int) -> tuple[_Split, _Split, _Notes]:
    """Return training and validation documents, and notes for the user."""
    fraction = settings.valid_fraction
    if settings.unit == "stream":
        limit = MAX_STREAM_VALIDATION_SYMBOLS
        training, held_out, limited = _split_stream(store, fraction, limit)
    else:
        limit = MAX_VALIDATION_SYMBOLS
        _check_documents(store)
        mask, limited = select_validation(
            store.hashes,
            functools.partial(_document_lengths, store),
            store.distinct_texts,
            fraction=fraction,
            seed=seed,
            limit=limit,
        )
        training, held_out = _split_by_mask(store, mask)
    size = int(held_out.counts.sum())
    if size > limit:
        return training, held_out, (_too_large_note(size),)
    note = (
        f"the validation set is limited to {limit:,} symbols, less than the fraction "
        f"{fraction:g} of the text; the rest is used for training."
    )
    return training, held_out, (note,) if limited else ()


def _document_lengths(store: Store, documents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the symbols of documents, given by ascending indices."""
    lengths = np.empty(len(documents), dtype=np.int64)
    for begin in range(0, len(documents), _BLOCK_HASHES):
        block = documents[begin : begin + _BLOCK_HASHES]
        lengths[begin : begin + _BLOCK_HASHES] = store.offsets[block + 1] - store.offsets[block]
        release(store.offsets)
    return lengths


def _too_large_note(size: int) -> str:
    return (
        f"the validation set has {size:,} symbols, because no document is shorter, so validation "
        "is slow; shorter documents, --unit stream, or a validation file with --valid avoid that."
    )


def _split_stream(store: Store, fraction: float, limit: int) -> tuple[_Split, _Split, bool]:
    """Split a stream before its last ``fraction``; also return whether ``limit`` reduced that."""
    ids, documents = store.ids, len(store.hashes)
    wanted = min(math.ceil(fraction * len(ids)), len(ids) - 1)
    cut = len(ids) - min(wanted, limit)
    # Never within a character of several bytes.
    while cut < len(ids) and count_characters(store.symbols[ids[cut]], store.level) == 0:
        cut += 1
    before = int(np.searchsorted(store.offsets[:-1], cut))
    after = int(np.searchsorted(store.offsets[1:], cut, side="right"))
    counts = np.bincount(ids[cut:], minlength=len(store.symbols))
    held_out = _Split(
        store=store,
        selection=Selection.from_range(after, documents),
        counts=counts,
        label_counts=_count_labels(store, after, documents),
        ids_begin=cut,
    )
    training = _Split(
        store=store,
        selection=Selection.from_range(0, before),
        counts=store.counts - counts,
        label_counts=store.label_counts - _count_labels(store, before, documents),
        ids_end=cut,
    )
    return training, held_out, wanted > limit


def _count_labels(store: Store, first: int, last: int) -> NDArray[np.int64]:
    """Return how many of the documents from ``first`` to before ``last`` have each label."""
    label_ids = store.label_ids[first:last]
    label_ids = label_ids[label_ids >= 0]
    counts: NDArray[np.int64] = np.bincount(label_ids, minlength=len(store.labels))
    return counts


def _exclude_validation(store: Store, validation: Store) -> tuple[_Split, _Notes]:
    """Return the documents that are not in ``validation``, and a note on the others."""
    duplicated = np.zeros(len(store.hashes), dtype=bool)
    for begin in range(0, len(duplicated), BLOCK_IDS):
        block = store.hashes[begin : begin + BLOCK_IDS]
        duplicated[begin : begin + BLOCK_IDS] = np.isin(block, validation.hashes)
        store.release()
    if duplicated.all():
        raise CorpusError(
            f"the training set would be empty: each of its {len(duplicated)} documents is also in "
            "the validation file; give other documents to one of them."
        )
    if not duplicated.any():
        return _all_documents(store), ()
    note = (
        f"{duplicated.sum()} of {len(duplicated)} training documents are also in the validation "
        "file: left out."
    )
    return _split_by_mask(store, duplicated)[0], (note,)


def _check_documents(store: Store) -> None:
    count = len(store.hashes)
    if store.distinct_texts == 1:
        content = "one document only" if count == 1 else f"{count} documents of the same text"
        raise CorpusError(
            f"the source holds {content}; a split into training and validation needs two different "
            "ones: give more, a validation file with --valid, or read it with --unit stream."
        )


def _check_counts(store: Store, counts: NDArray[np.int64], min_count: int) -> None:
    """Raise CorpusError if the training set has one distinct symbol, or only rare ones."""
    seen = np.flatnonzero(counts)
    if len(seen) == 1:
        raise CorpusError(
            f"the training set has one distinct symbol, {store.symbols[seen[0]]!r}; there is "
            "nothing to learn: give a text of at least two."
        )
    if counts.max() < min_count:
        raise CorpusError(
            f"every symbol of the training set is rarer than min-count {min_count}, the most "
            f"frequent occurs {counts.max()} times; lower --min-count or give more text."
        )


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
