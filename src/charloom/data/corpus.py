"""The corpus of a run: training set, validation set, vocabulary and labels."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.data.dataset import Dataset
from charloom.data.memory_map import release
from charloom.data.spelling import SpelledStore
from charloom.data.split import select_last, select_validation
from charloom.data.store import Store
from charloom.data.subset import (
    BLOCK_IDS,
    Subset,
    all_documents,
    copied_documents,
    document_lengths,
    split_by_mask,
    split_stream,
    without_documents,
)
from charloom.errors import CorpusError
from charloom.settings import TextSettings
from charloom.text.vocabulary import Vocabulary

MAX_VALIDATION_SYMBOLS = 1_000_000
"""Upper limit of the validation set: more takes time and makes the loss hardly more precise."""
MAX_STREAM_VALIDATION_SYMBOLS = 200_000
"""The same for a stream, which ``evaluate`` reads as one sequence, symbol by symbol."""

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
    reading: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Figures of reading: texts, those that cleaning changed, copies ..."""
    source_documents: tuple[int, ...] = ()
    """Training documents of each source, in their order; () where they were not counted."""
    hashes: tuple[NDArray[np.uint64], ...] = ()
    """The hash of every document of the sources, held out or not, and of the validation file.
    Empty for a stream, where documents are no units."""

    def document_hashes(self) -> Iterator[NDArray[np.uint64]]:
        """Yield ``hashes`` in blocks; nothing for a stream."""
        for hashes in self.hashes:
            for begin in range(0, len(hashes), _BLOCK_HASHES):
                yield hashes[begin : begin + _BLOCK_HASHES]
                release(hashes)


def build_corpus(
    store: Store,
    settings: TextSettings,
    *,
    seed: int,
    validation: Store | None = None,
    known_symbols: Sequence[str] = (),
    known_labels: Sequence[str] = (),
    files_by_source: Sequence[int] = (),
) -> Corpus:
    """Split ``store`` and build the vocabulary of the training set.

    Lines and documents are split by their text, so that equal ones are on one side. A stream is cut
    before its last ``valid_fraction``. With a ``validation`` store, nothing is split, and training
    documents that are also in it are left out. ``known_symbols`` and ``known_labels``, of a model
    that is trained further, have the first ids. ``files_by_source`` is the number of files of each
    source, where their documents are to be counted. Raises CorpusError if a set would be useless.
    """
    if validation is None:
        training, held_out, notes = _split_store(store, settings, seed)
    else:
        held_out = all_documents(validation)
        training, notes = _exclude_validation(store, validation)
    notes = (*store.notes.sentences(), *notes)
    copies = 0 if settings.unit == "stream" else len(store.hashes) - store.distinct_texts
    if copies:
        notes = (*notes, _copies_note(copies, len(store.hashes), settings))
        if settings.unique_documents:
            mask = copied_documents(store)
            training = without_documents(training, mask)
            held_out = held_out if validation else without_documents(held_out, mask)
    _check_sets(store, training.counts, held_out)
    vocabulary = Vocabulary.from_counts(
        store.level,
        store.symbols,
        training.counts,
        settings.min_count,
        len(training.selection),
        settings.token_pattern,
        known_symbols,
    )
    _check_min_count(vocabulary, training.counts, settings.min_count)
    if vocabulary.spells:
        training, held_out = _spell(vocabulary, training, held_out)
    labels = (*known_labels, *sorted(training.labels().difference(known_labels)))
    notes = (*notes, *_label_notes(training, held_out, labels))
    store.release()
    return Corpus(
        training=training.to_dataset(vocabulary, labels),
        validation=held_out.to_dataset(vocabulary, labels),
        vocabulary=vocabulary,
        labels=labels,
        notes=notes,
        fingerprint=store.fingerprint + (f"+{validation.fingerprint}" if validation else ""),
        reading=store.notes.figures() | {"copies": copies},
        source_documents=_documents_by_source(store, training, files_by_source),
        hashes=() if settings.unit == "stream" else _all_hashes(store, validation),
    )


def _documents_by_source(
    store: Store, training: Subset, files_by_source: Sequence[int]
) -> tuple[int, ...]:
    """Return the training documents of each source."""
    before_files = np.cumsum([0, *store.notes.file_documents])
    before_sources = before_files[np.cumsum([0, *files_by_source])]
    return tuple(np.diff(training.selection.count_before(before_sources)).tolist())


def _spell(vocabulary: Vocabulary, training: Subset, held_out: Subset) -> tuple[Subset, Subset]:
    """Return both sets with the symbols spelled that the vocabulary lacks."""
    spelled = SpelledStore(training.store, vocabulary)
    others = spelled
    if held_out.store is not training.store:
        others = SpelledStore(held_out.store, vocabulary)
    return spelled.subset(training), others.subset(held_out)


def _all_hashes(store: Store, validation: Store | None) -> tuple[NDArray[np.uint64], ...]:
    return (store.hashes,) if validation is None else (store.hashes, validation.hashes)


_Notes = tuple[str, ...]


def _label_notes(training: Subset, held_out: Subset, labels: Sequence[str]) -> Iterator[str]:
    unseen = sorted(held_out.labels() - set(labels))
    if unseen:
        yield f"labels that only the validation set has are ignored: {_format_labels(unseen)}."
    if int((training.label_counts == 1).sum()) > len(training.selection) / 2:
        numbers = f"there are {len(labels):,} labels for {len(training.selection):,} documents"
        yield f"{numbers}: is that the right --label-column?"


def _format_labels(labels: Sequence[str]) -> str:
    """Return the first labels, shortened, and the number of the others."""
    shown = ", ".join(
        label if len(label) <= _MAX_LABEL_CHARACTERS else label[:_MAX_LABEL_CHARACTERS] + "..."
        for label in labels[:_MAX_LABELS_SHOWN]
    )
    return shown + (
        f" and {len(labels) - _MAX_LABELS_SHOWN:,} more" if len(labels) > _MAX_LABELS_SHOWN else ""
    )


def _split_store(store: Store, settings: TextSettings, seed: int) -> tuple[Subset, Subset, _Notes]:
    """Return training and validation documents, and notes for the user."""
    fraction = settings.valid_fraction
    if settings.unit == "stream":
        limit = MAX_STREAM_VALIDATION_SYMBOLS
        training, held_out, limited = split_stream(store, fraction, limit)
    elif settings.valid_tail:
        limit = MAX_VALIDATION_SYMBOLS
        mask, limited = select_last(store.offsets, fraction=fraction, limit=limit)
        training, held_out = split_by_mask(store, mask)
    else:
        limit = MAX_VALIDATION_SYMBOLS
        _check_documents(store)
        mask, limited = select_validation(
            store.hashes,
            functools.partial(document_lengths, store),
            store.distinct_texts,
            fraction=fraction,
            seed=seed,
            limit=limit,
        )
        training, held_out = split_by_mask(store, mask)
    size = int(held_out.counts.sum())
    if size > limit:
        return training, held_out, (_too_large_note(size),)
    note = (
        f"the validation set is limited to {limit:,} symbols, less than the fraction "
        f"{fraction:g} of the text; the rest is used for training."
    )
    return training, held_out, (note,) if limited else ()


def _too_large_note(size: int) -> str:
    return (
        f"the validation set has {size:,} symbols, because no document is shorter, so validation "
        "is slow; shorter documents, --unit stream, or a validation file with --valid avoid that."
    )


def _exclude_validation(store: Store, validation: Store) -> tuple[Subset, _Notes]:
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
        return all_documents(store), ()
    note = (
        f"{duplicated.sum()} of {len(duplicated)} training documents are also in the validation "
        "file: left out."
    )
    return split_by_mask(store, duplicated)[0], (note,)


def _copies_note(copies: int, documents: int, settings: TextSettings) -> str:
    verb = "is a copy" if copies == 1 else "are copies"
    remedy = "left out" if settings.unique_documents else "--unique-documents leaves them out"
    return f"{copies:,} of {documents:,} texts {verb} of an earlier one: {remedy}."


def _check_documents(store: Store) -> None:
    count = len(store.hashes)
    if store.distinct_texts == 1:
        content = "one document only" if count == 1 else f"{count} documents of the same text"
        raise CorpusError(
            f"the source holds {content}; a split into training and validation needs two different "
            "ones: give more, a validation file with --valid, or read it with --unit stream."
        )


def _check_sets(store: Store, counts: NDArray[np.int64], held_out: Subset) -> None:
    """Raise CorpusError if training symbols are all equal, or no text is held out."""
    if not len(held_out.selection):
        raise CorpusError(
            "the validation set would be empty; give more text, or a validation file with --valid."
        )
    seen = np.flatnonzero(counts)
    if len(seen) == 1:
        raise CorpusError(
            f"the training set has one distinct symbol, {store.symbols[seen[0]]!r}; there is "
            "nothing to learn: give a text of at least two."
        )


def _check_min_count(vocabulary: Vocabulary, counts: NDArray[np.int64], min_count: int) -> None:
    """Raise CorpusError if all symbols of the training set are rare."""
    if not vocabulary.ids:
        raise CorpusError(
            f"every symbol of the training set is rarer than min-count {min_count}, the most "
            f"frequent occurs {counts.max()} times; lower --min-count or give more text."
        )
