"""What a network learns from: a training part, a validation part and the vocabulary."""

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
"""Most symbols that are set aside for validation: a larger part costs time and tells no more."""
MAX_STREAM_VALIDATION_SYMBOLS = 200_000
"""The same for a stream, whose end is one long text: there is nothing to read beside it."""

_BLOCK_IDS = 1 << 20
_BLOCK_HASHES = 1 << 16
_MAX_LABELS_SHOWN = 5
_MAX_LABEL_CHARACTERS = 40
"""How many labels a note lists, and how much of each."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corpus:
    """All that training reads."""

    training: Dataset
    validation: Dataset
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    """Labels of the training part, sorted."""
    notes: tuple[str, ...]
    """What the user should be told."""
    fingerprint: str
    """Hash of the content; of both files if there is one for validation."""
    hashes: NDArray[np.uint64] | None = None
    """The store's hashes of all documents, of which ``training.selection`` tells those that are
    learned from: (documents of the store,); None for a stream, whose documents are no units of
    text."""

    def training_hashes(self) -> Iterator[NDArray[np.uint64]]:
        """Yield the hash of each training document, block by block; nothing for a stream."""
        if self.hashes is None:
            return
        for begin in range(0, len(self.hashes), _BLOCK_HASHES):
            block = self.hashes[begin : begin + _BLOCK_HASHES]
            yield block[self.training.selection.mask(begin, begin + len(block))]
            release(self.hashes)


def build_corpus(
    store: Store, settings: TextSettings, *, seed: int, validation: Store | None = None
) -> Corpus:
    """Split ``store`` and make the vocabulary of the training part.

    Lines and documents are split by their text, so that equal ones stand on one side; a stream is
    cut before its last ``valid_fraction``. With a ``validation`` store of one's own, training
    documents that stand in it are left out. Raises CorpusError when nothing could be learned.
    """
    if validation is None:
        training, held_out, notes = _split_store(store, settings, seed)
    else:
        held_out = _all_documents(validation)
        training, notes = _exclude_validation(store, validation)
    if not len(held_out.selection):
        raise CorpusError(
            "the validation part would be empty; give more text, or a validation file with --valid."
        )
    _check_counts(store, training.counts, settings.min_count)
    vocabulary = Vocabulary.from_counts(
        store.level, store.symbols, training.counts, settings.min_count, len(training.selection)
    )
    labels = tuple(sorted(training.labels()))
    strange = sorted(held_out.labels() - set(labels))
    if strange:
        notes = (
            *notes,
            f"labels seen only in validation count as none: {_format_labels(strange)}.",
        )
    if int((training.label_counts == 1).sum()) > len(training.selection) / 2:
        many = f"there are {len(labels):,} labels for {len(training.selection):,} documents"
        notes = (*notes, f"{many}: is that the right --label-column?")
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
    """Documents of a store, before there is a vocabulary."""

    store: Store
    selection: Selection
    counts: NDArray[np.int64]
    """How often each symbol stands in the documents: (symbols,)."""
    label_counts: NDArray[np.int64]
    """How many of the documents have each label: (labels,)."""
    ids_begin: int = 0
    ids_end: int | None = None
    """Symbols of the store before ``first`` and from ``last`` on do not belong to it."""

    def labels(self) -> set[str]:
        return {self.store.labels[index] for index in np.flatnonzero(self.label_counts)}

    def to_dataset(self, vocabulary: Vocabulary, labels: tuple[str, ...]) -> Dataset:
        """Return the documents as ids of ``vocabulary`` and of ``labels``."""
        store = self.store
        known = {label: index for index, label in enumerate(labels)}
        # The last entry is that of -1, which indexes it.
        label_of = np.array([*(known.get(label, -1) for label in store.labels), -1], np.int32)
        widths = [count_characters(symbol, store.level) for symbol in store.symbols]
        return Dataset(
            ids=store.ids,
            offsets=store.offsets,
            selection=self.selection,
            ids_begin=self.ids_begin,
            ids_end=len(store.ids) if self.ids_end is None else self.ids_end,
            label_ids=store.label_ids,
            label_lookup=label_of,
            level=store.level,
            symbols=store.symbols,
            id_lookup=np.array([vocabulary.ids.get(s, UNK) for s in store.symbols], np.int64),
            widths=np.array(widths, np.int64),
            counts=self.counts,
            max_length=store.max_length,
        )


_Notes = tuple[str, ...]


def _format_labels(labels: Sequence[str]) -> str:
    """Return the first of some labels, none of them whole if it is long, and a count."""
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


def _split_by_mask(store: Store, chosen: NDArray[np.bool_]) -> tuple[_Split, _Split]:
    """Return the documents that are not chosen, and those that are."""
    # The smaller side is counted, the other one is what remains.
    few = chosen if 2 * int(chosen.sum()) <= len(chosen) else ~chosen
    selection = Selection.from_mask(few)
    counts, label_counts = _count_symbols(store, selection)
    small = _Split(store=store, selection=selection, counts=counts, label_counts=label_counts)
    large = _Split(
        store=store,
        selection=Selection.from_mask(~few),
        counts=store.counts - counts,
        label_counts=store.label_counts - label_counts,
    )
    return (large, small) if few is chosen else (small, large)


def _count_symbols(
    store: Store, selection: Selection
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how often each symbol stands in documents, and how many have each label."""
    counts = np.zeros(len(store.symbols), dtype=np.int64)
    label_counts = np.zeros(len(store.labels), dtype=np.int64)
    for places in selection.blocks(RELEASE_AFTER):
        starts, stops = store.offsets[places], store.offsets[places + 1]
        for block in _id_blocks(store.ids, starts, stops):
            counts += np.bincount(block, minlength=len(counts))
            release(store.ids)
        if store.labels:
            given = store.label_ids[places]
            label_counts += np.bincount(given[given >= 0], minlength=len(label_counts))
        store.release()
    return counts, label_counts


def _split_store(store: Store, settings: TextSettings, seed: int) -> tuple[_Split, _Split, _Notes]:
    """Return the training side, the validation side, and what to tell of them."""
    fraction = settings.valid_fraction
    if settings.unit == "stream":
        limit = MAX_STREAM_VALIDATION_SYMBOLS
        training, held_out, fewer = _split_stream(store, fraction, limit)
    else:
        limit = MAX_VALIDATION_SYMBOLS
        _check_documents(store)

        taken, fewer = select_validation(
            store.hashes,
            functools.partial(_document_lengths, store),
            store.distinct_texts,
            fraction=fraction,
            seed=seed,
            limit=limit,
        )
        training, held_out = _split_by_mask(store, taken)
    size = int(held_out.counts.sum())
    if size > limit:
        return training, held_out, (_too_large_note(size),)
    limited = (
        f"the validation part was kept to {limit:,} symbols, fewer than the share of "
        f"{fraction:g} that was asked for; the rest is learned from."
    )
    return training, held_out, (limited,) if fewer else ()


def _document_lengths(store: Store, documents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the symbols of documents, whose numbers ascend."""
    lengths = np.empty(len(documents), dtype=np.int64)
    for begin in range(0, len(documents), _BLOCK_HASHES):
        some = documents[begin : begin + _BLOCK_HASHES]
        lengths[begin : begin + _BLOCK_HASHES] = store.offsets[some + 1] - store.offsets[some]
        release(store.offsets)
    return lengths


def _too_large_note(size: int) -> str:
    return (
        f"the validation part has {size:,} symbols, for no document is shorter: measuring will "
        "take long; shorter documents, --unit stream, or a validation file with --valid avoid that."
    )


def _split_stream(store: Store, fraction: float, limit: int) -> tuple[_Split, _Split, bool]:
    """Cut a stream before its last ``fraction``; also return whether ``limit`` made that less."""
    ids, documents = store.ids, len(store.hashes)
    asked = min(math.ceil(fraction * len(ids)), len(ids) - 1)
    cut = len(ids) - min(asked, limit)
    # Not within a character of several bytes.
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
    return training, held_out, asked > limit


def _count_labels(store: Store, first: int, last: int) -> NDArray[np.int64]:
    """Return how many of the documents from ``first`` to before ``last`` have each label."""
    given = store.label_ids[first:last]
    counts: NDArray[np.int64] = np.bincount(given[given >= 0], minlength=len(store.labels))
    return counts


def _exclude_validation(store: Store, validation: Store) -> tuple[_Split, _Notes]:
    """Leave out the documents that stand in ``validation`` too."""
    known = np.zeros(len(store.hashes), dtype=bool)
    for begin in range(0, len(known), _BLOCK_IDS):
        block = store.hashes[begin : begin + _BLOCK_IDS]
        known[begin : begin + _BLOCK_IDS] = np.isin(block, validation.hashes)
        store.release()
    if known.all():
        raise CorpusError(
            f"the training part would be empty: each of its {len(known)} documents stands in the "
            "validation file too; give other documents to one of them."
        )
    if not known.any():
        return _all_documents(store), ()
    note = f"{known.sum()} of {len(known)} training documents stand in the validation file too"
    return _split_by_mask(store, known)[0], (f"{note}: left out.",)


def _check_documents(store: Store) -> None:
    count = len(store.hashes)
    if store.distinct_texts == 1:
        seen = "one document only" if count == 1 else f"{count} documents of the same text"
        raise CorpusError(
            f"the source holds {seen}; a split into training and validation needs two different "
            "ones: give more, a validation file with --valid, or read it with --unit stream."
        )


def _check_counts(store: Store, counts: NDArray[np.int64], min_count: int) -> None:
    """Raise CorpusError if the training part's symbols leave nothing to learn."""
    seen = np.flatnonzero(counts)
    if len(seen) == 1:
        raise CorpusError(
            f"the training part holds one distinct symbol, {store.symbols[seen[0]]!r}; there is "
            "nothing to learn: give a text of at least two."
        )
    if counts.max() < min_count:
        raise CorpusError(
            f"every symbol of the training part is rarer than min-count {min_count}, the most "
            f"frequent stands there {counts.max()} times; lower min-count or give more text."
        )


def _id_blocks(
    ids: NDArray[Any], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> Iterator[NDArray[Any]]:
    """Yield the raw ids of the documents, one after another, at most ``_BLOCK`` at once."""
    lengths = stops - starts
    ends = np.cumsum(lengths)
    first, done = 0, 0
    while first < len(starts):
        last = int(np.searchsorted(ends, done + _BLOCK_IDS, side="right"))
        if last == first:
            # One document that is longer than a block.
            last += 1
            for begin in range(starts[first], stops[first], _BLOCK_IDS):
                yield ids[begin : min(begin + _BLOCK_IDS, stops[first])]
        else:
            # The place of every symbol: its rank in the block, shifted document by document.
            shifts = starts[first:last] - (ends[first:last] - lengths[first:last] - done)
            yield ids[np.repeat(shifts, lengths[first:last]) + np.arange(ends[last - 1] - done)]
        first, done = last, int(ends[last - 1])
