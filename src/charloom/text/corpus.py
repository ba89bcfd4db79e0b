"""What a network learns from: a training part, a validation part and the vocabulary."""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.errors import CorpusError
from charloom.settings import TextSettings
from charloom.text.partition import choose
from charloom.text.store import Store
from charloom.text.symbols import characters
from charloom.text.vocabulary import UNK, Vocabulary

VALIDATION_LIMIT = 1_000_000
"""Most symbols that are set aside for validation: a larger part costs time and tells no more."""
STREAM_VALIDATION_LIMIT = 200_000
"""The same for a stream, whose end is one long text: there is nothing to read beside it."""

_BLOCK = 1 << 20
_LABELS = 5
_LABEL_CHARACTERS = 40
"""How many labels a note lists, and how much of each."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """Documents of one part, as ids of the vocabulary, looked up in the memory-mapped raw ids."""

    ids: NDArray[Any]
    """Raw ids of the whole store."""
    starts: NDArray[np.int64]
    """Where each document begins in ``ids``: (documents,)."""
    stops: NDArray[np.int64]
    """Where each document ends: (documents,)."""
    labels: NDArray[np.int32]
    """Index of each document's label, -1 for none: (documents,)."""
    lookup: NDArray[np.int64]
    """The vocabulary's id of each raw id."""
    widths: NDArray[np.int64]
    """The characters that each raw id stands for."""

    def __len__(self) -> int:
        return len(self.starts)

    @functools.cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Symbols of each document, without boundaries: (documents,)."""
        return self.stops - self.starts

    def document(self, index: int) -> NDArray[np.int64]:
        """Return the ids of a document's symbols, without boundaries: (symbols,)."""
        ids: NDArray[np.int64] = self.lookup[self.ids[self.starts[index] : self.stops[index]]]
        return ids

    def characters(self, index: int) -> NDArray[np.int64]:
        """Return how many characters each symbol of a document stands for: (symbols,)."""
        widths: NDArray[np.int64] = self.widths[self.ids[self.starts[index] : self.stops[index]]]
        return widths

    @functools.cached_property
    def total_symbols(self) -> int:
        """Symbols of all documents and one boundary for each."""
        return int(self.lengths.sum()) + len(self)

    @functools.cached_property
    def total_characters(self) -> int:
        """Characters of all documents and one for the boundary of each."""
        counts = _counts(self.ids, self.starts, self.stops, len(self.widths))
        return int(counts @ self.widths) + len(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corpus:
    """All that training reads."""

    training: Part
    validation: Part
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    """Labels of the training part, sorted."""
    notes: tuple[str, ...]
    """What the user should be told."""
    fingerprint: str
    """Hash of the content; of both files if there is one for validation."""
    hashes: NDArray[np.uint64] | None = None
    """The store's hash of each training document: (documents,); None for a stream, whose documents
    are no units of text."""


def build(
    store: Store, settings: TextSettings, *, seed: int, validation: Store | None = None
) -> Corpus:
    """Split ``store`` and make the vocabulary of the training part.

    Lines and documents are split by their text, so that equal ones stand on one side; a stream is
    cut before its last ``valid_fraction``. With a ``validation`` store of one's own, training
    documents that stand in it are left out. Raises CorpusError when nothing could be learned.
    """
    if validation is None:
        training, held_out, notes = _divide(store, settings, seed)
    else:
        held_out = _whole(validation)
        training, notes = _without(_whole(store), validation)
    if not len(held_out.starts):
        raise CorpusError(
            "the validation part would be empty; give more text, or a validation file with --valid."
        )
    counts = _counts(store.ids, training.starts, training.stops, len(store.symbols))
    _check_counts(store, counts, settings.min_count)
    vocabulary = Vocabulary.from_counts(
        store.level, store.symbols, counts, settings.min_count, len(training.starts)
    )
    labels = tuple(sorted(training.labels()))
    strange = sorted(held_out.labels() - set(labels))
    if strange:
        notes = (*notes, f"labels seen only in validation count as none: {_some(strange)}.")
    if training.own_labels() > len(training.starts) / 2:
        many = f"there are {len(labels):,} labels for {len(training.starts):,} documents"
        notes = (*notes, f"{many}: is that the right --label-column?")
    return Corpus(
        training=training.part(vocabulary, labels),
        validation=held_out.part(vocabulary, labels),
        vocabulary=vocabulary,
        labels=labels,
        notes=notes,
        fingerprint=store.fingerprint + (f"+{validation.fingerprint}" if validation else ""),
        hashes=None if settings.unit == "stream" else training.hashes,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Side:
    """Documents of a store, before there is a vocabulary."""

    store: Store
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    label_ids: NDArray[np.int32]
    hashes: NDArray[np.uint64]

    def labels(self) -> set[str]:
        return {self.store.labels[index] for index in np.unique(self.label_ids) if index >= 0}

    def own_labels(self) -> int:
        """Return how many documents have a label that no other one has."""
        return int((np.bincount(self.label_ids[self.label_ids >= 0]) == 1).sum())

    def part(self, vocabulary: Vocabulary, labels: tuple[str, ...]) -> Part:
        """Return the documents as ids of ``vocabulary`` and of ``labels``."""
        symbols, level = self.store.symbols, self.store.level
        known = {label: index for index, label in enumerate(labels)}
        # The last entry is that of -1, which indexes it.
        label_of = np.array([*(known.get(label, -1) for label in self.store.labels), -1], np.int32)
        return Part(
            ids=self.store.ids,
            starts=self.starts,
            stops=self.stops,
            labels=label_of[self.label_ids],
            lookup=np.array([vocabulary.ids.get(symbol, UNK) for symbol in symbols], np.int64),
            widths=np.array([characters(symbol, level) for symbol in symbols], np.int64),
        )


_Notes = tuple[str, ...]


def _some(labels: Sequence[str]) -> str:
    """Return the first of some labels, none of them whole if it is long, and a count."""
    shown = ", ".join(
        label if len(label) <= _LABEL_CHARACTERS else label[:_LABEL_CHARACTERS] + "..."
        for label in labels[:_LABELS]
    )
    return shown + (f" and {len(labels) - _LABELS:,} more" if len(labels) > _LABELS else "")


def _whole(store: Store) -> _Side:
    starts, stops = store.offsets[:-1], store.offsets[1:]
    return _Side(
        store=store, starts=starts, stops=stops, label_ids=store.label_ids, hashes=store.hashes
    )


def _chosen(side: _Side, chosen: NDArray[np.bool_]) -> _Side:
    return dataclasses.replace(
        side,
        starts=side.starts[chosen],
        stops=side.stops[chosen],
        label_ids=side.label_ids[chosen],
        hashes=side.hashes[chosen],
    )


def _divide(store: Store, settings: TextSettings, seed: int) -> tuple[_Side, _Side, _Notes]:
    """Return the training side, the validation side, and what to tell of them."""
    side, fraction = _whole(store), settings.valid_fraction
    if settings.unit == "stream":
        limit = STREAM_VALIDATION_LIMIT
        training, held_out, fewer = _cut(side, fraction, limit)
    else:
        limit = VALIDATION_LIMIT
        _check_documents(store)
        lengths = side.stops - side.starts
        taken, fewer = choose(store.hashes, lengths, fraction, seed, limit)
        training, held_out = _chosen(side, ~taken), _chosen(side, taken)
    size = int((held_out.stops - held_out.starts).sum())
    if size > limit:
        return training, held_out, (_too_large(size),)
    limited = (
        f"the validation part was kept to {limit:,} symbols, fewer than the share of "
        f"{fraction:g} that was asked for; the rest is learned from."
    )
    return training, held_out, (limited,) if fewer else ()


def _too_large(size: int) -> str:
    return (
        f"the validation part has {size:,} symbols, for no document is shorter: measuring will "
        "take long; shorter documents, --unit stream, or a validation file with --valid avoid that."
    )


def _cut(side: _Side, fraction: float, limit: int) -> tuple[_Side, _Side, bool]:
    """Cut a stream before its last ``fraction``; also return whether ``limit`` made that less."""
    ids, level = side.store.ids, side.store.level
    asked = min(math.ceil(fraction * len(ids)), len(ids) - 1)
    cut = len(ids) - min(asked, limit)
    # Not within a character of several bytes.
    while cut < len(ids) and characters(side.store.symbols[ids[cut]], level) == 0:
        cut += 1
    before, after = _chosen(side, side.starts < cut), _chosen(side, side.stops > cut)
    return (
        dataclasses.replace(before, stops=np.minimum(before.stops, cut)),
        dataclasses.replace(after, starts=np.maximum(after.starts, cut)),
        asked > limit,
    )


def _without(side: _Side, validation: Store) -> tuple[_Side, _Notes]:
    """Leave out the documents that stand in ``validation`` too."""
    known = np.isin(side.hashes, validation.hashes)
    if known.all():
        raise CorpusError(
            f"the training part would be empty: each of its {len(known)} documents stands in the "
            "validation file too; give other documents to one of them."
        )
    note = f"{known.sum()} of {len(known)} training documents stand in the validation file too"
    return _chosen(side, ~known), (f"{note}: left out.",) if known.any() else ()


def _check_documents(store: Store) -> None:
    count = len(store.hashes)
    if count == 1 or bool((store.hashes == store.hashes[0]).all()):
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


def _counts(
    ids: NDArray[Any], starts: NDArray[np.int64], stops: NDArray[np.int64], symbols: int
) -> NDArray[np.int64]:
    """Return how often each of ``symbols`` raw ids stands in the documents."""
    counts = np.zeros(symbols, dtype=np.int64)
    for block in _blocks(ids, starts, stops):
        counts += np.bincount(block, minlength=symbols)
    return counts


def _blocks(
    ids: NDArray[Any], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> Iterator[NDArray[Any]]:
    """Yield the raw ids of the documents, one after another, at most ``_BLOCK`` at once."""
    lengths = stops - starts
    ends = np.cumsum(lengths)
    first, done = 0, 0
    while first < len(starts):
        last = int(np.searchsorted(ends, done + _BLOCK, side="right"))
        if last == first:
            # One document that is longer than a block.
            last += 1
            for begin in range(starts[first], stops[first], _BLOCK):
                yield ids[begin : min(begin + _BLOCK, stops[first])]
        else:
            # The place of every symbol: its rank in the block, shifted document by document.
            shifts = starts[first:last] - (ends[first:last] - lengths[first:last] - done)
            yield ids[np.repeat(shifts, lengths[first:last]) + np.arange(ends[last - 1] - done)]
        first, done = last, int(ends[last - 1])
