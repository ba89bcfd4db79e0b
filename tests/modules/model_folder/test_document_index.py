"""The index of training documents agrees with a Python set of their hashes."""

import copy
import functools
import pickle
from collections.abc import Iterator
from hashlib import blake2b
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import document_index

from charloom.data.store import load_store, write_store
from charloom.model_folder import document_index as index_module
from charloom.model_folder.document_index import DocumentIndex
from charloom.text.documents import Document, to_blocks

# Keys of five bytes with zeros at every position, and their neighbors on both sides.
KEYS = [bytes(key) for key in product((0, 1, 0x80, 0xFF), repeat=5)]
some_keys = st.lists(st.sampled_from(KEYS))


def texts(count: int, kind: str = "document") -> list[str]:
    return [f"{kind} {number}" for number in range(count)]


def digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()


class HexHash:
    """A fake hash: the digest of a hexadecimal text is its value."""

    def __init__(self, text: bytes, digest_size: int) -> None:
        self._digest = bytes.fromhex(text.decode()).ljust(digest_size, b"\x55")

    def digest(self) -> bytes:
        return self._digest


@given(keys=some_keys)
def test_zeros_at_either_end_of_a_key_count(keys: list[bytes]) -> None:
    hashes = np.array([int.from_bytes(key + b"\x55\x55\x55", "little") for key in keys], np.uint64)
    documents = DocumentIndex.from_hashes(lambda: iter([hashes]), len(hashes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "blake2b", HexHash)
        assert [key for key in KEYS if key.hex() in documents] == sorted(set(keys))
    assert documents.packed == b"".join(sorted(set(keys)))


@pytest.mark.parametrize("count", [0, 1, 2, 100_000])
def test_documents_are_found_and_other_texts_are_not(count: int) -> None:
    documents = document_index(texts(count))
    assert all(text in documents for text in texts(count))
    # One of 10,000 other texts shares 40 bits with one of 100,000 once in 1,100 such tests.
    assert not [text for text in texts(10_000, "other") if text in documents]
    expected = {digest(text)[:5] for text in texts(count)}
    assert documents.packed == b"".join(sorted(expected))
    assert len(documents) == len(expected)
    assert len(documents.packed) == 5 * len(expected)


def test_texts_whose_hash_has_zeros_are_found_among_many() -> None:
    many = texts(100_000)
    selected = [text for text in many if digest(text)[4] == 0 or digest(text)[0] == 0]
    assert len(selected) > 500  # 781 are expected
    documents = document_index(selected)
    assert [text for text in many if text in documents] == selected


def test_a_text_matches_if_40_bits_agree_and_not_if_39_do() -> None:
    first = int.from_bytes(digest("one")[:5], "big")
    for hashed, expected in ((first, True), (first ^ 1, False), (first ^ 1 << 39, False)):
        number = int.from_bytes(hashed.to_bytes(5, "big") + b"\0\0\0", "little")
        hashes = np.array([number], np.uint64)
        index = DocumentIndex.from_hashes(functools.partial(iter, [hashes]), 1)
        assert ("one" in index) is expected


def test_an_index_of_texts_is_that_of_their_hashes() -> None:
    many = ["a", "b", "", "\u00e9", *texts(300), "a"]
    assert DocumentIndex.from_texts(many).packed == document_index(many).packed


def test_equal_documents_are_stored_once() -> None:
    assert document_index(["a", "b", "a", "a"]).packed == document_index(["b", "a"]).packed
    assert len(document_index(["a", "b", "a", "a"])) == 2


@given(documents=st.lists(st.text(st.characters(), min_size=1), min_size=1))
def test_hashes_of_a_store_make_its_index(
    documents: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("store") / "s"
    write_store(to_blocks(Document(text=text) for text in documents), folder, "char")
    store = load_store(folder, "char", "c")
    assert store is not None
    index = DocumentIndex.from_hashes(lambda: iter([store.hashes]), len(store.hashes))
    assert all(text in index for text in documents)
    # Odds as above: far below one in a million for a handful of documents.
    assert "some other text" not in index


def test_lone_surrogates_are_compared_as_u_fffd(tmp_path: Path) -> None:
    pair = [Document(text="a\ud800b"), Document(text="c\ud83d\ude00")]
    write_store(to_blocks(pair), tmp_path / "s", "char")
    store = load_store(tmp_path / "s", "char", "c")
    assert store is not None
    index = DocumentIndex.from_hashes(lambda: iter([store.hashes]), len(store.hashes))
    assert all(text in index for text in ("a\ud800b", "a\ufffdb", "c\ud83d\ude00", "c\U0001f600"))
    assert "a?b" not in index


def test_the_index_is_read_once_and_only_when_needed() -> None:
    reads: list[int] = []

    def read() -> bytes:
        reads.append(1)
        return document_index(["a", "b"]).packed

    index = DocumentIndex(read)
    assert reads == []
    assert index.load() is index
    assert ("a" in index, "c" in index, len(index), reads) == (True, False, 2, [1])


def test_an_index_of_a_run_is_pickled_and_copied_without_its_store() -> None:
    hashes = np.frombuffer(b"".join(digest(text) for text in texts(3000)), "<u8")
    reads: list[int] = []

    def blocks() -> Iterator[np.ndarray[tuple[int], np.dtype[np.uint64]]]:
        reads.append(1)
        yield hashes

    index = DocumentIndex.from_hashes(blocks, len(hashes))
    pickled = pickle.dumps(index)
    once = len(reads)
    for again in (pickle.loads(pickled), copy.deepcopy(index), copy.copy(index), index):
        assert all(text in again for text in texts(3000))
        assert "some other text" not in again  # 3000 in 2**40 by chance
    assert len(reads) == once
    assert 5 * 3000 < len(pickled) < 5 * 3000 + 500
    assert len(pickle.dumps(pickle.loads(pickled))) < 5 * 3000 + 500
