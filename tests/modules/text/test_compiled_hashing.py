"""The compiled BLAKE2b agrees with the published function and with hashlib."""

from hashlib import blake2b

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charloom.text.compiled_hashing import hash_texts

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=5)


def compiled(texts: list[str]) -> list[bytes]:
    codes = np.array([ord(character) for text in texts for character in text], dtype=np.uint32)
    stops = np.cumsum(list(map(len, texts)), dtype=np.int64)
    out = np.empty(len(texts), dtype=np.uint64)
    hash_texts(codes, stops, out)
    return [int(value).to_bytes(8, "little") for value in out]


def by_hashlib(texts: list[str]) -> list[bytes]:
    return [blake2b(text.encode(), digest_size=8).digest() for text in texts]


@given(texts=TEXTS)
def test_any_texts_agree_with_hashlib(texts: list[str]) -> None:
    assert compiled(texts) == by_hashlib(texts)


def test_an_empty_text_has_the_published_digest() -> None:
    # BLAKE2b-64 of the empty string.
    assert compiled([""]) == [bytes.fromhex("e4a6a0577479b2b4")]


def test_texts_around_the_block_of_128_bytes_agree_with_hashlib() -> None:
    # The last, full block must not be compressed before it is known to be the last.
    texts = ["x" * length for length in (127, 128, 129, 255, 256, 257)]
    texts += ["é" * 64, "é" * 65, "€" * 43, "😀" * 32, "a" * 127 + "é"]
    assert compiled(texts) == by_hashlib(texts)
