"""Texts as raw ids: each distinct symbol is numbered when it first appears.

A raw id needs no vocabulary, so a text is encoded once for any seed, split and minimum count.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charloom.settings import Level
from charloom.text.symbols import codes, iterate, symbol_of

BLOCK = 1 << 18
"""Characters that are encoded at once: the arrays stay in the processor's cache."""


class Encoder(Protocol):
    """What the store needs of either way to encode."""

    def encode(self, texts: Sequence[str]) -> tuple[list[int], Iterator[NDArray[np.uint32]]]:
        """Return how many symbols each text has, and the raw ids of all in order, in blocks.

        The texts hold no surrogates.
        """
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
        self._table = np.full(0x110000 if level == "char" else 256, -1, dtype=np.int32)
        self.symbols: list[str] = []

    def encode(self, texts: Sequence[str]) -> tuple[list[int], Iterator[NDArray[np.uint32]]]:
        units = texts if self._level == "char" else [text.encode() for text in texts]
        joined = "".join(texts)
        blocks = (joined[begin : begin + BLOCK] for begin in range(0, len(joined), BLOCK))
        return [len(each) for each in units], map(self._ids, blocks)

    def _ids(self, text: str) -> NDArray[np.uint32]:
        units = codes(text, self._level)
        ids = self._table.take(units)
        if ids.min() < 0:
            self._learn(units[ids < 0])
            ids = self._table.take(units)
        return ids.view(np.uint32)

    def _learn(self, units: NDArray[np.uint32]) -> None:
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

    def encode(self, texts: Sequence[str]) -> tuple[list[int], Iterator[NDArray[np.uint32]]]:
        number = self._numbers.__getitem__
        ids = [np.fromiter(map(number, iterate(t, self._level)), dtype=np.uint32) for t in texts]
        return [len(each) for each in ids], iter([np.concatenate(ids)])
