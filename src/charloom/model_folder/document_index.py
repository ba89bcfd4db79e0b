"""Index of the documents of a run: a sorted list of 40-bit hashes.

Every document is found. Any other text is found with a probability of n / 2**40 for n
documents: one in a million for a million documents.
"""

import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charloom.text.distinct_hashes import iter_distinct
from charloom.text.symbols import replace_surrogates

KEY_BYTES = 5
"""Bytes of each hash that are kept, of 8."""


class DocumentIndex:
    """The set of all documents; ``text in index`` compares whole texts exactly.

    ``read`` returns ``packed``. It is called at the first use, and its errors are raised there.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read

    @classmethod
    def from_hashes(cls, blocks: Callable[[], Iterator[NDArray[np.uint64]]], count: int) -> Self:
        """Return the index of ``count`` documents with the hashes of a store.

        ``blocks`` is called at the first use of the index, possibly several times. It must return
        all hashes each time.
        """
        return cls(_HashReader(blocks, count))

    def __getstate__(self) -> dict[str, Any]:
        """Return the reader alone: of a folder its path, of a run the bytes of the index."""
        return {"_read": self._read}

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Self:
        """Return the index of some documents."""
        packed = b"".join(sorted(set(map(_key, texts))))
        return cls(lambda: packed)

    @classmethod
    def union(cls, indexes: Sequence[Self]) -> Self:
        """Return the index of the documents of several."""
        return cls(functools.partial(_join, indexes))

    @cached_property
    def packed(self) -> bytes:
        """The first 5 bytes of the 8-byte BLAKE2b digest of each document's UTF-8.

        Concatenated in ascending order, without duplicates.
        """
        return self._read()

    def load(self) -> Self:
        """Read the index now, if it was not read yet, and return it."""
        _ = self.packed
        return self

    def __len__(self) -> int:
        return len(self.packed) // KEY_BYTES

    def __contains__(self, text: str) -> bool:
        key = _key(text)
        first = KEY_BYTES * int(np.searchsorted(self._keys, np.bytes_(key)))
        return self.packed[first : first + KEY_BYTES] == key

    @cached_property
    def _keys(self) -> NDArray[Any]:
        """The packed keys as an array of bytes: (documents,)."""
        # NumPy ignores zeros at the end of a string. As all keys have one width, that does not
        # change their order, and equality is compared outside of NumPy.
        return np.ndarray(len(self), f"S{KEY_BYTES}", self.packed)


def _join(indexes: Sequence[DocumentIndex]) -> bytes:
    """Return ``packed`` of the documents of several indexes."""
    keys = np.concatenate([np.ndarray(len(one), f"S{KEY_BYTES}", one.packed) for one in indexes])
    return np.unique(keys).tobytes()


def _key(text: str) -> bytes:
    return blake2b(replace_surrogates(text).encode(), digest_size=8).digest()[:KEY_BYTES]


class _HashReader:
    """Packs the hashes of a store at the first call.

    A copy or a pickle has the bytes and not the store.
    """

    def __init__(self, blocks: Callable[[], Iterator[NDArray[np.uint64]]], count: int) -> None:
        self._blocks = blocks
        self._count = count

    def __call__(self) -> bytes:
        return self._packed

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial, (bytes, self._packed)

    @cached_property
    def _packed(self) -> bytes:
        # BytesIO returns its own buffer; joining chunks would hold them twice.
        packed = io.BytesIO()
        packed.writelines(_pack_keys(self._blocks, self._count))
        return packed.getvalue()


def _pack_keys(blocks: Callable[[], Iterator[NDArray[np.uint64]]], count: int) -> Iterator[bytes]:
    """Yield the bytes of ``packed`` in chunks."""

    def truncated() -> Iterator[NDArray[np.uint64]]:
        # Hashes of a store are little-endian; here the first byte of a digest is the highest.
        for hashes in blocks():
            yield hashes.astype("<u8").view(">u8").astype(np.uint64) >> np.uint64(
                64 - 8 * KEY_BYTES
            )

    for keys in iter_distinct(truncated, count, 8 * KEY_BYTES):
        yield keys.astype(">u8").view(np.uint8).reshape(-1, 8)[:, -KEY_BYTES:].tobytes()
