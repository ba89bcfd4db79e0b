"""Texts as raw ids: each distinct symbol is numbered when it first appears.

A raw id needs no vocabulary, so a text is encoded once for any seed, split and minimum count.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from charloom.settings import Level
from charloom.text.documents import Block
from charloom.text.hashing import encode_utf8
from charloom.text.symbols import iter_symbols, symbol_of

EncodedBlock = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The raw ids of all documents of a block, in order; and how many each document has."""


class Encoder(Protocol):
    """What the store needs of either way to encode."""

    def encode(self, block: Block) -> EncodedBlock:
        """Return a block as raw ids."""
        ...

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols seen so far; the raw id is the index."""
        ...


def make_encoder(level: Level) -> Encoder:
    """Return an encoder that has seen nothing yet."""
    return _TableEncoder(level) if level in ("char", "byte") else _DictEncoder(level)


class _TableEncoder:
    """Levels char and byte: a table from code to raw id; only new codes are looked at singly."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._table = np.full(0x110000 if level == "char" else 256, -1, dtype=np.int64)
        self.symbols: list[str] = []

    def encode(self, block: Block) -> EncodedBlock:
        if self._level == "char":
            return self._ids(block.codes), block.lengths
        data, lengths = encode_utf8(block.codes, block.lengths)
        return self._ids(data), lengths

    def _ids(self, units: NDArray[Any]) -> NDArray[np.int64]:
        ids: NDArray[np.int64] = self._table.take(units)
        if ids.size and ids.min() < 0:
            self._number_new_codes(units[ids < 0])
            ids = self._table.take(units)
        return ids

    def _number_new_codes(self, units: NDArray[Any]) -> None:
        """Number codes in the order of their first appearance."""
        distinct, first = np.unique(units, return_index=True)
        symbol = symbol_of(self._level)
        for code in distinct[np.argsort(first)].tolist():
            self._table[code] = len(self.symbols)
            self.symbols.append(symbol(code))


class _Numbering(dict[str, int]):
    """A dictionary that numbers each new key with the count of those before it."""

    def __missing__(self, key: str) -> int:
        number = self[key] = len(self)
        return number


class _DictEncoder:
    """Levels grapheme and word: the symbols of each text are looked up in a dictionary."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._raw_ids = _Numbering()

    @property
    def symbols(self) -> Sequence[str]:
        return tuple(self._raw_ids)

    def encode(self, block: Block) -> EncodedBlock:
        number, level = self._raw_ids.__getitem__, self._level
        ids = [np.fromiter(map(number, iter_symbols(t, level)), np.int64) for t in block.texts()]
        return np.concatenate(ids), np.fromiter(map(len, ids), dtype=np.int64)
