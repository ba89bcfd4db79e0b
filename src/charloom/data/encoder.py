"""Encode texts as raw ids: symbols numbered in order of first appearance.

Raw ids do not depend on a vocabulary, so a text is encoded once for every seed, split and minimum
count.
"""

import functools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from charloom.settings import Level
from charloom.text.documents import Block
from charloom.text.hashing import encode_utf8
from charloom.text.symbols import has_codes, iter_symbols, symbol_of

EncodedBlock = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The raw ids of all documents of a block, concatenated, and the number of ids of each."""


class Encoder(Protocol):
    """Turns blocks of documents into raw ids and numbers new symbols."""

    def encode(self, block: Block) -> EncodedBlock:
        """Return a block as raw ids."""
        ...

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols seen so far, indexed by raw id."""
        ...


def make_encoder(level: Level, token_pattern: str | None = None) -> Encoder:
    """Return an encoder that has seen no symbols yet."""
    if has_codes(level, token_pattern):
        return _TableEncoder(level)
    return _DictEncoder(level, token_pattern)


class _TableEncoder:
    """Levels char and byte: an array lookup from code to raw id."""

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
        distinct, first = np.unique(units, return_index=True)
        symbol = symbol_of(self._level)
        for code in distinct[np.argsort(first)].tolist():
            self._table[code] = len(self.symbols)
            self.symbols.append(symbol(code))


class _Numbering(dict[str, int]):
    """A dictionary in which a missing key gets the next number, from 0."""

    def __missing__(self, key: str) -> int:
        number = self[key] = len(self)
        return number


class _DictEncoder:
    """Other symbols: a dictionary lookup of each."""

    def __init__(self, level: Level, token_pattern: str | None) -> None:
        self._split = functools.partial(iter_symbols, level=level, token_pattern=token_pattern)
        self._raw_ids = _Numbering()

    @property
    def symbols(self) -> Sequence[str]:
        return tuple(self._raw_ids)

    def encode(self, block: Block) -> EncodedBlock:
        raw_id = self._raw_ids.__getitem__
        ids = [np.fromiter(map(raw_id, self._split(text)), np.int64) for text in block.texts()]
        return np.concatenate(ids), np.fromiter(map(len, ids), dtype=np.int64)
