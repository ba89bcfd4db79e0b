"""How often each document is read in an epoch and in several, by the weight of its source."""

import math
from collections import Counter

import numpy as np
import pytest
from corpora_by_hand import part
from hypothesis import given
from hypothesis import strategies as st

from charloom.training.weighted_documents import WeightedDocuments

sources = st.lists(
    st.tuples(st.integers(0, 30), st.one_of(st.integers(1, 4), st.floats(0.01, 4))),
    min_size=1,
    max_size=4,
).filter(lambda pairs: any(size for size, _ in pairs))


def epoch(documents: WeightedDocuments, number: int) -> list[int]:
    places = np.arange(len(documents))
    return documents.documents(number, places).tolist()  # type: ignore[no-any-return]


@given(pairs=sources, number=st.integers(1, 5), seed=st.integers(0, 9))
def test_a_document_is_read_as_often_as_its_weight_rounded_down_or_up(
    pairs: list[tuple[int, float]], number: int, seed: int
) -> None:
    sizes, weights = zip(*pairs, strict=True)
    documents = WeightedDocuments(sizes, weights, seed)
    counts = Counter(epoch(documents, number))
    assert set(counts) <= set(range(sum(sizes)))
    begin = 0
    for size, weight in pairs:
        times = [counts[document] for document in range(begin, begin + size)]
        assert all(math.floor(weight) <= count <= math.ceil(weight) for count in times)
        # Half a document of rounding; of a source with a small weight, one document remains.
        assert abs(sum(times) - weight * size) <= (0.5 if weight >= 1 else 1)
        assert sum(times) or not size
        begin += size


@given(size=st.integers(1, 20), parts=st.integers(1, 40), epochs=st.integers(1, 7))
def test_over_several_epochs_all_documents_of_a_source_are_read_as_often(
    size: int, parts: int, epochs: int
) -> None:
    """Every weight here gives whole documents, so that nothing is rounded."""
    weight = parts / size
    documents = WeightedDocuments([3, size], [1, weight], seed=4)
    counts = Counter(document for e in range(epochs) for document in epoch(documents, e + 1))
    times = [counts[document] for document in range(3, 3 + size)]
    assert sum(times) == epochs * parts
    assert max(times) - min(times) <= 1


def test_documents_that_are_read_once_more_differ_by_seed_and_epoch() -> None:
    def drawn(seed: int, number: int) -> list[int]:
        return epoch(WeightedDocuments([1000], [0.1], seed), number)

    assert drawn(1, 1) == drawn(1, 1)
    assert not set(drawn(1, 1)) & set(drawn(1, 2)) and sorted(drawn(1, 1)) != sorted(drawn(2, 1))


@given(pairs=sources)
def test_with_weights_of_1_place_and_document_are_the_same(pairs: list[tuple[int, float]]) -> None:
    sizes = [size for size, _ in pairs]
    documents = WeightedDocuments(sizes, [1.0] * len(sizes), seed=2)
    assert epoch(documents, 3) == list(range(sum(sizes)))


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (0.4, 2.7), (0.01, 0.01)])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_the_symbols_of_an_epoch_are_those_of_its_documents(
    weights: tuple[float, float], number: int
) -> None:
    dataset = part(["x" * (1 + 7 * k % 11) for k in range(40)])
    documents = WeightedDocuments([25, 15], weights, seed=1)
    read = np.array(epoch(documents, number))
    assert documents.symbols(dataset, number) == int((dataset.lengths(read) + 1).sum())


def test_sources_without_training_documents_have_no_place() -> None:
    dataset = part(["ab", "c"])
    documents = WeightedDocuments([0, 2, 0], [5, 2, 0.5], seed=1)
    assert epoch(documents, 1) == [0, 1, 0, 1]
    assert documents.symbols(dataset, 1) == 10
