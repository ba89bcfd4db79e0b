"""Documents of the training or validation part, looked up in the ids on disk.

Axes: documents that are asked for, by their number in the part.
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
    """Documents of one part, as ids of the vocabulary, looked up in the memory-mapped raw ids."""

    ids: NDArray[Any]
    """Raw ids of the whole store."""
    offsets: NDArray[np.int64]
    """Where each document of the store begins in ``ids``, and the end of the last."""
    selection: Selection
    """Which of the store's documents these are."""
    ids_begin: int
    ids_end: int
    """What a document has before ``first`` in ``ids``, or from ``last`` on, does not belong to
    it: a stream is cut within a document."""
    label_ids: NDArray[np.int32]
    """The store's index of each document's label, -1 for none: (documents of the store,)."""
    label_lookup: NDArray[np.int32]
    """The index of each label of the store here, -1 for none; last that of -1."""
    level: Level
    symbols: Sequence[str]
    """The symbol that each raw id stands for."""
    id_lookup: NDArray[np.int64]
    """The vocabulary's id of each raw id."""
    widths: NDArray[np.int64]
    """The characters that each raw id stands for."""
    counts: NDArray[np.int64]
    """How often each raw id stands in the documents."""
    max_length: int
    """No document has more symbols."""

    def __len__(self) -> int:
        return len(self.selection)

    def spans(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where documents begin and end in ``ids``."""
        places = self.selection.store_indices(indices)
        starts, stops = self.offsets[places], self.offsets[places + 1]
        return np.maximum(starts, self.ids_begin), np.minimum(stops, self.ids_end)

    def lengths(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the symbols of documents, without boundaries."""
        starts, stops = self.spans(indices)
        return stops - starts

    def labels(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the label of documents, -1 for none."""
        if len(self.label_lookup) == 1:
            return np.full(len(indices), -1, dtype=np.int64)
        return self.label_lookup[self.label_ids[self.selection.store_indices(indices)]].astype(
            np.int64
        )

    def end_positions(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the symbols of documents and of all those before, with one boundary for each."""
        _, stops = self.spans(indices)
        return stops - self._skipped_R[self.selection.run_indices(indices)] + indices + 1

    @functools.cached_property
    def _skipped_R(self) -> NDArray[np.int64]:
        """Symbols of the store before each run that do not belong to the part."""
        firsts, counts = self.selection.starts_R, self.selection.offsets_R
        sizes = np.diff(counts, append=len(self))
        begins = np.maximum(self.offsets[firsts], self.ids_begin)
        own = self.offsets[firsts + sizes] - begins
        gaps: NDArray[np.int64] = begins - (np.cumsum(own) - own)
        return gaps

    def document(self, index: int) -> NDArray[np.int64]:
        """Return the ids of a document's symbols, without boundaries: (symbols,)."""
        ids: NDArray[np.int64] = self.id_lookup[self._raw_ids(index)]
        return ids

    def text(self, index: int) -> str:
        """Return a document as it was read, also where the vocabulary lacks a symbol."""
        return join(map(self.symbols.__getitem__, self._raw_ids(index).tolist()), self.level)

    def characters(self, index: int) -> NDArray[np.int64]:
        """Return how many characters each symbol of a document stands for: (symbols,)."""
        widths: NDArray[np.int64] = self.widths[self._raw_ids(index)]
        return widths

    def _raw_ids(self, index: int) -> NDArray[Any]:
        (start,), (stop,) = self.spans(np.array([index]))
        return self.ids[start:stop]

    @functools.cached_property
    def total_symbols(self) -> int:
        """Symbols of all documents and one boundary for each."""
        return int(self.counts.sum()) + len(self)

    @functools.cached_property
    def total_characters(self) -> int:
        """Characters of all documents and one for the boundary of each."""
        return int(self.counts @ self.widths) + len(self)

    def release(self) -> None:
        """Let go of the memory that looking at documents took."""
        release(self.ids, self.offsets, self.label_ids)
