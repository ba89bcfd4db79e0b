"""Hash documents: 8 bytes of BLAKE2b of the UTF-8, as a little-endian number."""

import sys
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.text.documents import Block, text_of

MIN_COMPILED_DOCUMENTS = 250_000
"""Documents from which on compiled code is used; loading it takes as long as hashing these."""


class Hasher:
    """Hashes the documents of successive blocks, also those that span several blocks."""

    def __init__(self) -> None:
        self._documents = 0
        self._unfinished: Any = None

    def hash_block(self, block: Block) -> NDArray[np.uint64]:
        """Return the hashes of the documents that end in ``block``: (documents,)."""
        self._documents += len(block.lengths)
        # Compiled code uses the byte order of the processor; the digest is little-endian.
        if self._unfinished is None and not block.unfinished and self._use_compiled():
            from charloom.text import compiled_hashing

            out = np.empty(len(block.lengths), dtype=np.uint64)
            compiled_hashing.hash_texts(block.codes, np.cumsum(block.lengths), out)
            return out
        data, lengths = encode_utf8(block.codes, block.lengths)
        stops = np.cumsum(lengths)
        return np.frombuffer(self._digests(data, stops, unfinished=block.unfinished), dtype="<u8")

    def _use_compiled(self) -> bool:
        return self._documents >= MIN_COMPILED_DOCUMENTS and sys.byteorder == "little"

    def _digests(
        self, data: NDArray[np.uint8], stops: NDArray[np.int64], *, unfinished: bool
    ) -> bytes:
        view, finished, start = data.data, [], 0
        for stop in stops.tolist():
            if self._unfinished is None:
                self._unfinished = blake2b(view[start:stop], digest_size=8)
            else:
                self._unfinished.update(view[start:stop])
            finished.append(self._unfinished)
            self._unfinished, start = None, stop
        if unfinished:
            self._unfinished = finished.pop()
        return b"".join([state.digest() for state in finished])


def encode_utf8(
    codes: NDArray[np.uint32], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the UTF-8 of all texts, (bytes,), and the bytes of each, (documents,).

    ``lengths`` are the characters of each text, at least 1.
    """
    if not codes.size or codes.max() < 0x80:
        return codes.astype(np.uint8), lengths
    data = np.frombuffer(text_of(codes).encode(), dtype=np.uint8)
    wide = np.flatnonzero(codes >= 0x80)
    wide_codes = codes[wide]
    extra = 1 + (wide_codes >= 0x800) + (wide_codes >= 0x10000).astype(np.int64)
    before = np.concatenate([[0], np.cumsum(extra)])
    stops = np.cumsum(lengths)
    return data, np.diff(stops + before[np.searchsorted(wide, stops)], prepend=0)
