"""Which texts are documents that a model has learned from, by 40 bits of a hash each.

An index of n documents takes 5 n bytes. A document is never missed; any other text is taken for one
with a chance of n / 2**40: one in a million for a million documents.
"""

import io
from collections.abc import Callable, Iterator
from functools import cached_property
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charloom.text.distinct_hashes import iter_distinct
from charloom.text.symbols import replace_surrogates

KEY_BYTES = 5
"""Bytes that are kept of the 8 of a hash."""


class DocumentIndex:
    """A set of documents that ``text in known`` asks, letter for letter.

    ``read`` gives ``packed``; it is called when that is asked for the first time, and raises what
    then goes wrong.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read

    @classmethod
    def from_hashes(cls, blocks: Callable[[], Iterator[NDArray[np.uint64]]], count: int) -> Self:
        """Return the set of ``count`` documents, whose hashes in a store ``blocks`` gives anew.

        They are looked at when ``packed`` is asked for.
        """

        def read() -> bytes:
            # Its buffer becomes the result; joined pieces would be there twice.
            packed = io.BytesIO()
            packed.writelines(_pack_keys(blocks, count))
            return packed.getvalue()

        return cls(read)

    @cached_property
    def packed(self) -> bytes:
        """The first WIDTH bytes of the BLAKE2b digest, of 8 bytes, of each document's UTF-8.

        One after another, sorted, each once.
        """
        return self._read()

    def load(self) -> Self:
        """Return the set itself, read now if it was not yet."""
        _ = self.packed
        return self

    def __len__(self) -> int:
        return len(self.packed) // KEY_BYTES

    def __contains__(self, text: str) -> bool:
        key = blake2b(replace_surrogates(text).encode(), digest_size=8).digest()[:KEY_BYTES]
        first = KEY_BYTES * int(np.searchsorted(self._keys, np.bytes_(key)))
        return self.packed[first : first + KEY_BYTES] == key

    @cached_property
    def _keys(self) -> NDArray[Any]:
        """What is packed, as an array: (documents,)."""
        # NumPy takes zeros at the end of a string for padding. All keys have one width, so that
        # does not change their order, and whether two are equal is not asked of NumPy.
        return np.ndarray(len(self), f"S{KEY_BYTES}", self.packed)


def _pack_keys(blocks: Callable[[], Iterator[NDArray[np.uint64]]], count: int) -> Iterator[bytes]:
    """Yield what is packed, piece by piece."""

    def cut() -> Iterator[NDArray[np.uint64]]:
        # The store reads a digest as a little-endian number; here its first bytes come first.
        for hashes in blocks():
            yield hashes.astype("<u8").view(">u8").astype(np.uint64) >> np.uint64(
                64 - 8 * KEY_BYTES
            )

    for keys in iter_distinct(cut, count, 8 * KEY_BYTES):
        yield keys.astype(">u8").view(np.uint8).reshape(-1, 8)[:, -KEY_BYTES:].tobytes()
