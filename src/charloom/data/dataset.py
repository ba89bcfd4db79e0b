"""The training or validation set: documents by index, in a memory-mapped store.

Axes: documents asked for, by index in the set; R runs of neighbors (data/selection.py).
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.data.memory_map import release
from charloom.data.selection import Selection
from charloom.settings import Level
from charloom.text.symbols import join


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """Documents by index, as ids of the vocabulary.

    Ids, lengths and labels are read from the store at each call; nothing is copied into memory.
    """

    ids: NDArray[Any]
    """Raw ids of the whole store."""
    offsets: NDArray[np.int64]
    """Start of each document of the store in ``ids``, then the end of the last."""
    selection: Selection
    """The documents of the store that belong to the set."""
    ids_begin: int
    ids_end: int
    """Ids before ``ids_begin`` and from ``ids_end`` on do not belong to the set: a stream may be
    cut within a document."""
    label_ids: NDArray[np.int32]
    """The store's label index of each document, -1 for none: (documents of the store,)."""
    label_lookup: NDArray[np.int32]
    """The model's label index of each label of the store, -1 for none. Its last entry is that of
    label index -1."""
    level: Level
    symbols: Sequence[str]
    """The symbol of each raw id."""
    id_lookup: NDArray[np.int64]
    """The vocabulary's id of each raw id."""
    widths: NDArray[np.int64]
    """Characters that each raw id stands for."""
    counts: NDArray[np.int64]
    """Occurrences of each raw id in the set."""
    max_length: int
    """Upper bound of the symbols of a document."""

    def __len__(self) -> int:
        return len(self.selection)

    def spans(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the begin and end of documents in ``ids``."""
        documents = self.selection.store_indices(indices)
        starts, stops = self.offsets[documents], self.offsets[documents + 1]
        return np.maximum(starts, self.ids_begin), np.minimum(stops, self.ids_end)

    def lengths(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the symbols of documents, without boundaries."""
        starts, stops = self.spans(indices)
        return stops - starts

    def labels(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the label index of documents, -1 for none."""
        if len(self.label_lookup) == 1:
            return np.full(len(indices), -1, dtype=np.int64)
        labels = self.label_ids[self.selection.store_indices(indices)]
        return self.label_lookup[labels].astype(np.int64)

    def end_positions(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of symbols of the set up to the end of each document.

        One boundary per document is included.
        """
        _, stops = self.spans(indices)
        return stops - self._skipped_R[self.selection.run_indices(indices)] + indices + 1

    @functools.cached_property
    def _skipped_R(self) -> NDArray[np.int64]:
        """Symbols of the store before each run that do not belong to the set."""
        first_documents, offsets = self.selection.starts_R, self.selection.offsets_R
        sizes = np.diff(offsets, append=len(self))
        begins = np.maximum(self.offsets[first_documents], self.ids_begin)
        symbols = self.offsets[first_documents + sizes] - begins
        skipped: NDArray[np.int64] = begins - (np.cumsum(symbols) - symbols)
        return skipped

    def document(self, index: int) -> NDArray[np.int64]:
        """Return the ids of a document, without boundaries: (symbols,)."""
        ids: NDArray[np.int64] = self.id_lookup[self._raw_ids(index)]
        return ids

    def text(self, index: int) -> str:
        """Return the text of a document, including symbols that are not in the vocabulary."""
        return join(map(self.symbols.__getitem__, self._raw_ids(index).tolist()), self.level)

    def characters(self, index: int) -> NDArray[np.int64]:
        """Return the number of characters of each symbol of a document: (symbols,)."""
        widths: NDArray[np.int64] = self.widths[self._raw_ids(index)]
        return widths

    def _raw_ids(self, index: int) -> NDArray[Any]:
        (start,), (stop,) = self.spans(np.array([index]))
        return self.ids[start:stop]

    @functools.cached_property
    def total_symbols(self) -> int:
        """Symbols of all documents, one boundary per document included."""
        return int(self.counts.sum()) + len(self)

    @functools.cached_property
    def total_characters(self) -> int:
        """Characters of all documents; the boundary of each counts as one."""
        return int(self.counts @ self.widths) + len(self)

    def release(self) -> None:
        """Release the memory of the pages that were read; they are read again when needed."""
        release(self.ids, self.offsets, self.label_ids)
