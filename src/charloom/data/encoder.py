"""Texts as raw ids: each distinct symbol is numbered when it first appears.

A raw id needs no vocabulary, so a text is encoded once for any seed, split and minimum count.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from charloom.settings import Level
from charloom.text.documents import Block
from charloom.text.hashing import utf8
from charloom.text.symbols import iterate, symbol_of

Encoded = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The raw ids of all documents of a block, in order; and how many each document has."""


class Encoder(Protocol):
    """What the store needs of either way to encode."""

    def encode(self, block: Block) -> Encoded:
        """Return a block as raw ids."""
        ...

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols seen so far; the raw id is the index."""
        ...


def make_encoder(level: Level) -> Encoder:
    """Return an encoder that has seen nothing yet."""
    return _CodeEncoder(level) if level in ("char", "byte") else _PieceEncoder(level)


class _CodeEncoder:
    """Levels char and byte: a table from code to raw id; only new codes are looked at singly."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._table = np.full(0x110000 if level == "char" else 256, -1, dtype=np.int64)
        self.symbols: list[str] = []

    def encode(self, block: Block) -> Encoded:
        if self._level == "char":
            return self._ids(block.codes), block.lengths
        data, lengths = utf8(block.codes, block.lengths)
        return self._ids(data), lengths

    def _ids(self, units: NDArray[Any]) -> NDArray[np.int64]:
        ids: NDArray[np.int64] = self._table.take(units)
        if ids.size and ids.min() < 0:
            self._learn(units[ids < 0])
            ids = self._table.take(units)
        return ids

    def _learn(self, units: NDArray[Any]) -> None:
        """Number codes in the order of their first appearance."""
        distinct, first = np.unique(units, return_index=True)
        symbol = symbol_of(self._level)
        for code in distinct[np.argsort(first)].tolist():
            self._table[code] = len(self.symbols)
            self.symbols.append(symbol(code))


class _Numbers(dict[str, int]):
    """A dictionary that numbers each new key with the count of those before it."""

    def __missing__(self, key: str) -> int:
        number = self[key] = len(self)
        return number


class _PieceEncoder:
    """Levels grapheme and word: the symbols of each text are looked up in a dictionary."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._numbers = _Numbers()

    @property
    def symbols(self) -> Sequence[str]:
        return tuple(self._numbers)

    def encode(self, block: Block) -> Encoded:
        number, level = self._numbers.__getitem__, self._level
        ids = [np.fromiter(map(number, iterate(t, level)), np.int64) for t in block.texts()]
        return np.concatenate(ids), np.fromiter(map(len, ids), dtype=np.int64)
