"""Hashes of many documents at once agree with hashlib."""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.text import hashing
from charloom.text.documents import Block, Document, to_blocks
from charloom.text.hashing import Hasher, encode_utf8
from charloom.text.symbols import code_units


def expected(texts: list[str]) -> list[int]:
    digests = [blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return [int.from_bytes(digest, "little") for digest in digests]


@pytest.fixture(params=[0, 10**9], ids=["compiled", "hashlib"])
def implementation(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setattr(hashing, "MIN_COMPILED_DOCUMENTS", request.param)
    yield


def hashed(texts: list[str]) -> list[int]:
    hasher = Hasher()
    blocks = to_blocks(Document(text=text) for text in texts)
    return [int(value) for block in blocks for value in hasher.hash_block(block)]


def test_every_length_and_width_of_utf8(implementation: None) -> None:
    # Lengths around multiples of 128 bytes, the block of the hash, in all widths of UTF-8.
    for character in "a\x7f\x80é\u07ff\u0800€\uffff\U00010000\U0010ffff":
        texts = [character * length for length in range(1, 300)]
        assert hashed(texts) == expected(texts)


@pytest.mark.parametrize("compiled_from", [0, 10**9])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_hashes_and_utf8_of_any_texts(compiled_from: int, texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "MIN_COMPILED_DOCUMENTS", compiled_from)
        assert hashed(texts) == expected(texts)
    joined = code_units("".join(texts), "char")
    data, lengths = encode_utf8(joined, np.array([len(text) for text in texts]))
    assert data.tobytes() == "".join(texts).encode()
    assert lengths.tolist() == [len(text.encode()) for text in texts]


def test_a_document_that_spans_several_blocks(implementation: None) -> None:
    hasher, chunks = Hasher(), ["one é", "two ", "three"]
    hashes: list[int] = []
    for number, chunk in enumerate(chunks):
        units = code_units(chunk, "char")
        last = number == len(chunks) - 1
        block = Block(codes=units, lengths=np.array([len(units)]), unfinished=not last)
        hashes += hasher.hash_block(block).tolist()
    assert hashes == expected(["".join(chunks)])
