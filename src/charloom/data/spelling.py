"""Spell the symbols of a store that a vocabulary lacks in characters.

A store is made before its training set, and so the vocabulary, is known. Where rare words are
spelled in characters, a second store holds the ids of both, in a temporary file.

Axes: R raw ids, N ids of a block, D documents.
"""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charloom.data.memory_map import map_file
from charloom.data.store import Store, temporary_folder
from charloom.data.store_writer import ids_dtype
from charloom.data.subset import BLOCK_IDS, Subset
from charloom.errors import OutputError
from charloom.text.vocabulary import Vocabulary

Ids = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spelling:
    """The symbols that take the place of each raw id of a store."""

    symbols: tuple[str, ...]
    """Known symbols and characters, in order of first use; their indices are the new raw ids."""
    lengths_R: Ids
    """New ids for each raw id."""
    first_R: Ids
    """Index in ``new_ids`` of the first new id of each raw id."""
    new_ids: Ids

    @classmethod
    def from_vocabulary(cls, vocabulary: Vocabulary, symbols: tuple[str, ...]) -> Self:
        """Return the spelling of ``symbols``, indexed by raw id."""
        index_of: dict[str, int] = {}
        spelled = [vocabulary.spell(symbol) for symbol in symbols]
        new_ids = [index_of.setdefault(part, len(index_of)) for each in spelled for part in each]
        lengths_R = np.fromiter(map(len, spelled), dtype=np.int64)
        return cls(
            symbols=tuple(index_of),
            lengths_R=lengths_R,
            first_R=np.cumsum(lengths_R) - lengths_R,
            new_ids=np.array(new_ids, dtype=np.int64),
        )

    def spell(self, ids_N: NDArray[Any]) -> Ids:
        """Return the new ids in the place of raw ids, concatenated."""
        lengths_N = self.lengths_R[ids_N]
        begins_N = np.cumsum(lengths_N) - lengths_N
        within = np.arange(int(lengths_N.sum())) - np.repeat(begins_N, lengths_N)
        new_ids: Ids = self.new_ids[np.repeat(self.first_R[ids_N], lengths_N) + within]
        return new_ids

    def counts(self, counts_R: Ids) -> Ids:
        """Return the occurrences of each new id, given those of each raw id."""
        repeated = np.repeat(counts_R, self.lengths_R)
        result = np.zeros(len(self.symbols), dtype=np.int64)
        np.add.at(result, self.new_ids, repeated)
        return result


class SpelledStore:
    """A store in which characters spell the symbols that a vocabulary lacks."""

    def __init__(self, store: Store, vocabulary: Vocabulary) -> None:
        """Raise OutputError if the temporary file cannot be written."""
        self._raw = store
        self._spelling = Spelling.from_vocabulary(vocabulary, store.symbols)
        self.store = self._spell() if (self._spelling.lengths_R > 1).any() else store

    def subset(self, subset: Subset) -> Subset:
        """Return the same documents in the ids of the new store."""
        if self.store is self._raw:
            return subset
        return dataclasses.replace(
            subset,
            store=self.store,
            counts=self._spelling.counts(subset.counts),
            ids_begin=self._position(subset.ids_begin),
            ids_end=None if subset.ids_end is None else self._position(subset.ids_end),
        )

    def _spell(self) -> Store:
        raw, symbols = self._raw, self._spelling.symbols
        dtype = ids_dtype(len(symbols))
        try:
            folder = temporary_folder()
            max_length = self._write(folder / "ids.bin", folder / "offsets.bin", dtype)
        except OSError as error:
            raise OutputError(
                f"the text's ids cannot be written to {tempfile.gettempdir()} "
                f"({error.strerror or error}): free some space, or set TMPDIR to a folder that can "
                "be written."
            ) from error
        return dataclasses.replace(
            raw,
            symbols=symbols,
            ids=map_file(folder / "ids.bin", dtype),
            offsets=map_file(folder / "offsets.bin", "<i8"),
            counts=self._spelling.counts(raw.counts),
            max_length=max_length,
        )

    def _write(self, ids_path: Path, offsets_path: Path, dtype: str) -> int:
        """Write new ids and offsets; return the new ids of the longest document."""
        spelling, raw_offsets = self._spelling, self._raw.offsets
        document = raw_before = new_before = previous = max_length = 0
        with ids_path.open("wb") as ids_file, offsets_path.open("wb") as offsets_file:
            for block in self._id_blocks(len(self._raw.ids)):
                ids_file.write(spelling.spell(block).astype(dtype).tobytes())
                ends_N = np.concatenate([[0], np.cumsum(spelling.lengths_R[block])])
                # The documents that begin up to the end of this block.
                until = int(np.searchsorted(raw_offsets, raw_before + len(block), side="right"))
                offsets_D = new_before + ends_N[raw_offsets[document:until] - raw_before]
                offsets_file.write(offsets_D.astype("<i8").tobytes())
                if len(offsets_D):
                    max_length = max(max_length, int(np.diff(offsets_D, prepend=previous).max()))
                    previous = int(offsets_D[-1])
                document, raw_before = until, raw_before + len(block)
                new_before += int(ends_N[-1])
        return max_length

    def _position(self, raw_position: int) -> int:
        """Return the number of new ids in the place of the first raw ids."""
        blocks = self._id_blocks(raw_position)
        return sum(int(self._spelling.lengths_R[block].sum()) for block in blocks)

    def _id_blocks(self, end: int) -> Iterator[NDArray[Any]]:
        for begin in range(0, end, BLOCK_IDS):
            yield self._raw.ids[begin : min(begin + BLOCK_IDS, end)]
            self._raw.release()
