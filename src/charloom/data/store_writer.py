"""Write the arrays of a store block by block, and count symbols and labels."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from charloom.data.encoder import make_encoder
from charloom.settings import Level
from charloom.text.documents import Block
from charloom.text.hashing import Hasher

COPY_BYTES = 1 << 20
"""Bytes of ids that are widened at once."""


def ids_dtype(symbols: int) -> str:
    """Return the smallest unsigned type that holds the ids of this number of symbols."""
    if symbols <= 1 << 8:
        return "<u1"
    return "<u2" if symbols <= 1 << 16 else "<u4"


class StoreWriter:
    """Writes the ids, offsets, hashes and label ids of documents into a folder.

    A context manager that closes the files.
    """

    def __init__(self, folder: Path, level: Level, token_pattern: str | None = None) -> None:
        self.encoder = make_encoder(level, token_pattern)
        self.labels: dict[str | None, int] = {None: -1}
        self.counts = np.zeros(0, dtype=np.int64)
        """Occurrences of each symbol so far, indexed by raw id."""
        self.label_counts = np.zeros(0, dtype=np.int64)
        self.documents = 0
        self.max_length = 0
        self._hasher = Hasher()
        self._total_symbols = 0
        self._unfinished_symbols = 0
        self._ids = _IdsFile(folder / "ids.bin")
        self._offsets = (folder / "offsets.bin").open("wb")
        self._hashes = (folder / "hashes.bin").open("wb")
        self._label_ids = (folder / "label_ids.bin").open("wb")
        self._offsets.write(bytes(8))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._ids, self._offsets, self._hashes, self._label_ids):
            file.close()

    def write_block(self, block: Block) -> None:
        """Append the documents of a block; an unfinished one continues in the next block."""
        ids, lengths = self.encoder.encode(block)
        self._ids.write(ids)
        self.counts = _add_padded(self.counts, np.bincount(ids))
        self._hashes.write(self._hasher.hash_block(block).tobytes())
        lengths = self._completed_lengths(lengths, unfinished=block.unfinished)
        ends = self._total_symbols + np.cumsum(lengths, dtype="<i8")
        self._offsets.write(ends.tobytes())
        self._write_labels(block, len(lengths))
        if len(lengths):
            self._total_symbols = int(ends[-1])
            self.max_length = max(self.max_length, int(lengths.max()))
            self.documents += len(lengths)

    def _completed_lengths(
        self, lengths: NDArray[np.int64], *, unfinished: bool
    ) -> NDArray[np.int64]:
        """Return the symbols of the documents that end in this block."""
        lengths = lengths.copy()
        lengths[0] += self._unfinished_symbols
        self._unfinished_symbols = int(lengths[-1]) if unfinished else 0
        return lengths[:-1] if unfinished else lengths

    def _write_labels(self, block: Block, documents: int) -> None:
        if block.labels is None:
            self._label_ids.write(np.full(documents, -1, dtype="<i4").tobytes())
            return
        numbers = self.labels
        ids = [numbers.setdefault(label, len(numbers) - 1) for label in block.labels]
        self._label_ids.write(np.array(ids, dtype="<i4").tobytes())
        labelled = np.array([i for i in ids if i >= 0], dtype=np.int64)
        self.label_counts = _add_padded(self.label_counts, np.bincount(labelled))


def _add_padded(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of two arrays, the shorter one padded with zeros."""
    if len(first) < len(second):
        first, second = second, first
    total = first.copy()
    total[: len(second)] += second
    return total


class _IdsFile:
    """A file of ids that starts as uint8 and is rewritten when an id does not fit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._dtype = ids_dtype(0)

    def close(self) -> None:
        self._file.close()

    def write(self, ids: NDArray[np.int64]) -> None:
        if not len(ids):
            return
        needed = ids_dtype(int(ids.max()) + 1)
        if needed > self._dtype:
            self._widen(needed)
        self._file.write(ids.astype(self._dtype).tobytes())

    def _widen(self, dtype: str) -> None:
        self._file.close()
        wide = self._path.with_suffix(".wide")
        with self._path.open("rb") as old, wide.open("wb") as new:
            while block := old.read(COPY_BYTES):
                new.write(np.frombuffer(block, dtype=self._dtype).astype(dtype).tobytes())
        wide.replace(self._path)
        self._file, self._dtype = self._path.open("ab"), dtype
