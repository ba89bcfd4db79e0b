"""Lookups in a dataset agree with lists of its documents."""

import dataclasses

import numpy as np
from corpora_by_hand import part, vocabulary
from hypothesis import given
from hypothesis import strategies as st

from charloom.data.dataset import Dataset
from charloom.data.selection import Selection

TEXTS = ["abc", "d", "eeff", "ab", "fade", "c"]
documents = st.lists(st.booleans(), min_size=len(TEXTS), max_size=len(TEXTS)).filter(any)


def subset(mask: list[bool]) -> tuple[Dataset, list[str]]:
    """Return the dataset of some of TEXTS, and these texts."""
    whole = part(TEXTS, labels=[0, -1, 1, 1, -1, 0])
    selected = dataclasses.replace(whole, selection=Selection.from_mask(np.array(mask)))
    texts = [text for text, is_selected in zip(TEXTS, mask, strict=True) if is_selected]
    counts = [sum(text.count(symbol) for text in texts) for symbol in whole.symbols]
    return dataclasses.replace(selected, counts=np.array(counts)), texts


@given(mask=documents)
def test_texts_ids_and_lengths(mask: list[bool]) -> None:
    dataset, texts = subset(mask)
    known = vocabulary(TEXTS)
    assert len(dataset) == len(texts)
    assert [dataset.text(d) for d in range(len(texts))] == texts
    assert [dataset.document(d).tolist() for d in range(len(texts))] == [
        known.encode(text).tolist() for text in texts
    ]
    assert dataset.lengths(np.arange(len(texts))).tolist() == list(map(len, texts))


@given(mask=documents)
def test_end_positions_are_cumulative_lengths_with_boundaries(mask: list[bool]) -> None:
    dataset, texts = subset(mask)
    expected = np.cumsum([len(text) + 1 for text in texts])
    assert dataset.end_positions(np.arange(len(texts))).tolist() == expected.tolist()
    assert dataset.end_positions(np.array([len(texts) - 1])).tolist() == [expected[-1]]
    assert dataset.total_symbols == expected[-1]
    assert dataset.total_characters == expected[-1]


@given(mask=documents)
def test_labels_are_those_of_the_documents(mask: list[bool]) -> None:
    dataset, _ = subset(mask)
    labels = [label for label, kept in zip([0, -1, 1, 1, -1, 0], mask, strict=True) if kept]
    assert dataset.labels(np.arange(len(labels))).tolist() == labels


def test_labels_are_looked_up_among_those_of_the_model() -> None:
    # The model knows the store's label 1 as its label 0, and does not know label 0.
    lookup = np.array([-1, 0, -1], dtype=np.int32)
    dataset = dataclasses.replace(part(["a", "b", "c"], labels=[0, 1, -1]), label_lookup=lookup)
    assert dataset.labels(np.arange(3)).tolist() == [-1, 0, -1]


def test_a_stream_is_cut_within_its_first_and_last_document() -> None:
    whole = part(["abcd", "ef", "gh"])
    cut = dataclasses.replace(whole, ids_begin=1, ids_end=7)
    assert [cut.text(d) for d in range(3)] == ["bcd", "ef", "g"]
    assert cut.end_positions(np.arange(3)).tolist() == [4, 7, 9]


def test_symbols_outside_of_the_vocabulary_become_unknown_and_keep_their_text() -> None:
    known = vocabulary(["ab"])
    whole = part(["abc"])
    lookup = [known.ids.get(symbol, 1) for symbol in whole.symbols]
    dataset = dataclasses.replace(whole, id_lookup=np.array(lookup))
    assert dataset.document(0).tolist() == [2, 3, 1]
    assert dataset.text(0) == "abc"


def test_characters_are_the_widths_of_the_symbols() -> None:
    whole = part(["aba"])
    widths = np.array([{"a": 3}.get(symbol, 1) for symbol in whole.symbols])
    dataset = dataclasses.replace(whole, widths=widths)
    assert dataset.characters(0).tolist() == [3, 1, 3]
    assert dataset.total_characters == 3 + 1 + 3 + 1
