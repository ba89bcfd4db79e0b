import dataclasses
import itertools
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from corpora_by_hand import part, vocabulary
from hypothesis import given
from hypothesis import strategies as st

from charloom.data.selection import Selection
from charloom.network.batch import Batch
from charloom.text.vocabulary import EOS
from charloom.training.batches import Batches, DocumentBatches, StreamBatches
from charloom.training.weighted_documents import WeightedDocuments

TEXTS = [
    "to be",
    "or not to be",
    "that",
    "is",
    "the question",
    "a",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
]
texts = st.lists(st.text("abc", min_size=1, max_size=40), min_size=1, max_size=12)
sizes = st.integers(min_value=1, max_value=5)
windows = st.integers(min_value=1, max_value=9)


def read(batches: Iterable[Batch]) -> list[list[int]]:
    """Return every sequence: its first input, and the targets of all its windows."""
    done: list[list[int]] = []
    sequences: list[list[int]] = []
    for batch in batches:
        columns = batch.targets_TB.shape[1]
        if batch.starts:
            done += sequences
            sequences = [[] for _ in range(columns)]
        done += sequences[columns:]
        sequences = sequences[:columns]
        for column, sequence in enumerate(sequences):
            mask = batch.mask_TB[:, column]
            inputs = batch.inputs_TB[:, column][mask].tolist()
            targets = batch.targets_TB[:, column][mask].tolist()
            assert not sequence or sequence[-1] == inputs[0], "the last target is the next input"
            assert inputs[1:] == targets[:-1]
            sequence.extend(targets if sequence else [inputs[0], *targets])
    return done + sequences


@given(texts=texts, batch_size=sizes, window=windows, seed=st.integers(0, 9))
def test_each_document_is_read_once_between_boundaries(
    texts: list[str], batch_size: int, window: int, seed: int
) -> None:
    documents = part(texts)
    batches = DocumentBatches(dataset=documents, batch_size=batch_size, window=window, seed=seed)
    expected = [[EOS, *documents.document(i).tolist(), EOS] for i in range(len(texts))]
    assert sorted(read(batches.epoch(1))) == sorted(expected)


@given(texts=texts, batch_size=sizes, window=windows, seed=st.integers(0, 9))
def test_the_lanes_of_a_stream_are_its_parts_in_order(
    texts: list[str], batch_size: int, window: int, seed: int
) -> None:
    documents = part(texts)
    batches = StreamBatches(dataset=documents, batch_size=batch_size, window=window, seed=seed)
    whole = [EOS]
    for index in range(len(texts)):
        whole += [*documents.document(index).tolist(), EOS]
    lanes = read(batches.epoch(1))
    # ``read`` returns a lane that ends early first: it is the last one, which may be shorter.
    joined = [lane[1:] for lane in lanes]
    assert sum(map(len, joined)) == len(whole) - 1
    assert any(
        [EOS, *itertools.chain.from_iterable(order)] == whole
        for order in (joined, [*joined[1:], joined[0]])
    )


@pytest.mark.parametrize("kind", [DocumentBatches, StreamBatches])
def test_symbols_and_characters_are_counted_with_boundaries(
    kind: type[DocumentBatches] | type[StreamBatches],
) -> None:
    documents = part(TEXTS)
    batches = list(kind(dataset=documents, batch_size=3, window=4, seed=1).epoch(1))
    total = sum(len(text) + 1 for text in TEXTS)
    assert sum(batch.symbols for batch in batches) == total == documents.total_symbols
    assert sum(batch.characters for batch in batches) == total
    assert all(batch.symbols == int(batch.mask_TB.sum()) for batch in batches)
    assert max(len(batch.inputs_TB) for batch in batches) <= 4


@pytest.mark.parametrize("kind", [DocumentBatches, StreamBatches])
def test_the_order_follows_from_the_seed_and_the_epoch(
    kind: type[DocumentBatches] | type[StreamBatches],
) -> None:
    documents = part([f"{n:b}" * 5 for n in range(60)])

    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = kind(dataset=documents, batch_size=4, window=7, seed=seed)
        return [batch.inputs_TB.flatten().tolist() for batch in batches.epoch(epoch)]

    assert order(3, 2) == order(3, 2)
    assert order(3, 2) != order(3, 1)
    assert order(3, 2) != order(4, 2)


def test_documents_of_similar_length_share_a_batch() -> None:
    rng = np.random.default_rng(0)
    documents = part(["x" * int(n) for n in rng.integers(1, 100, size=2000)])
    batches = DocumentBatches(dataset=documents, batch_size=32, window=256, seed=0)
    padded = sum(batch.mask_TB.size - batch.symbols for batch in batches.epoch(1))
    assert padded / batches.symbols(1) < 0.05


def test_widths_of_wide_symbols_are_counted() -> None:
    documents = part(["ab", "b"])
    wide = dataclasses.replace(
        documents, widths=np.where(np.arange(len(documents.widths)) == documents.ids[0], 7, 1)
    )
    batches = DocumentBatches(dataset=wide, batch_size=2, window=256, seed=0).epoch(1)
    assert [batch.characters for batch in batches] == [7 + 1 + 1 + 1 + 1]


def test_labels_are_dropped_with_the_given_probability() -> None:
    documents = part(["ab"] * 4000, labels=[1] * 4000)
    batches = DocumentBatches(
        dataset=documents, batch_size=50, window=9, seed=0, label_dropout=0.1
    ).epoch(1)
    labels = np.concatenate([batch.labels_B for batch in batches])
    assert set(labels.tolist()) == {-1, 1}
    # 400 are expected, with a standard deviation of 19. One of 1.7 million seeds is 5 of these off.
    assert abs(int((labels == -1).sum()) - 400) < 95


def same(first: Batch, second: Batch) -> bool:
    arrays = ("inputs_TB", "targets_TB", "mask_TB", "labels_B")
    numbers = ("starts", "symbols", "characters")
    return all(np.array_equal(getattr(first, n), getattr(second, n)) for n in arrays) and all(
        getattr(first, n) == getattr(second, n) for n in numbers
    )


def stream_batches(texts: list[str], batch_size: int, window: int, seed: int) -> Batches:
    return StreamBatches(dataset=part(texts), batch_size=batch_size, window=window, seed=seed)


def labelled_batches(texts: list[str], batch_size: int, window: int, seed: int) -> Batches:
    return DocumentBatches(
        dataset=part(texts, labels=[0] * len(texts)),
        batch_size=batch_size,
        window=window,
        seed=seed,
        label_dropout=0.5,
        batches_per_pool=2,
    )


def weighted_batches(texts: list[str], batch_size: int, window: int, seed: int) -> Batches:
    first = len(texts) // 2
    return DocumentBatches(
        dataset=part(texts),
        batch_size=batch_size,
        window=window,
        seed=seed,
        weighted=WeightedDocuments([first, len(texts) - first], [2.3, 0.6], seed),
        batches_per_pool=2,
    )


@given(texts=texts, batch_size=sizes, window=windows, seed=st.integers(0, 9))
def test_weights_of_1_change_nothing(
    texts: list[str], batch_size: int, window: int, seed: int
) -> None:
    plain = DocumentBatches(dataset=part(texts), batch_size=batch_size, window=window, seed=seed)
    weights = WeightedDocuments([1, len(texts) - 1], [1.0, 1.0], seed)
    weighted = dataclasses.replace(plain, weighted=weights)
    first, second = list(plain.epoch(2)), list(weighted.epoch(2))
    assert len(first) == len(second) and all(map(same, first, second))
    assert plain.symbols(2) == weighted.symbols(2)


@pytest.mark.parametrize("build", [stream_batches, labelled_batches, weighted_batches])
@given(texts=texts, batch_size=sizes, window=windows, seed=st.integers(0, 9))
def test_the_symbols_of_an_epoch_are_all_targets(
    build: Callable[[list[str], int, int, int], Batches],
    texts: list[str],
    batch_size: int,
    window: int,
    seed: int,
) -> None:
    batches = build(texts, batch_size, window, seed)
    for number in (1, 2, 7):
        assert batches.symbols(number) == sum(batch.symbols for batch in batches.epoch(number))


@given(texts=texts, batch_size=sizes, window=windows, seed=st.integers(0, 9))
def test_documents_are_read_as_often_as_their_weight(
    texts: list[str], batch_size: int, window: int, seed: int
) -> None:
    documents, first = part(texts), len(texts) // 2
    batches = DocumentBatches(
        dataset=documents,
        batch_size=batch_size,
        window=window,
        seed=seed,
        weighted=WeightedDocuments([first, len(texts) - first], [3, 2], seed),
    )
    expected = [
        [EOS, *documents.document(i).tolist(), EOS]
        for i in range(len(texts))
        for _ in range(3 if i < first else 2)
    ]
    assert sorted(read(batches.epoch(1))) == sorted(expected)


@pytest.mark.parametrize("build", [stream_batches, labelled_batches, weighted_batches])
@given(
    texts=texts,
    batch_size=sizes,
    window=windows | st.just(99),
    seed=st.integers(0, 9),
    skips=st.sets(st.integers(0, 60), max_size=4),
)
def test_skipping_any_number_of_batches_leaves_the_rest_unchanged(
    build: Callable[[list[str], int, int, int], Batches],
    texts: list[str],
    batch_size: int,
    window: int,
    seed: int,
    skips: set[int],
) -> None:
    batches = build(texts, batch_size, window, seed)
    whole = list(batches.epoch(3))
    for skip in {1, len(whole), len(whole) + 1} | {skip for skip in skips if skip < len(whole)}:
        rest = list(batches.epoch(3, skip))
        assert len(rest) == max(0, len(whole) - skip)
        assert all(map(same, rest, whole[skip:]))


@pytest.mark.parametrize("kind", [DocumentBatches, StreamBatches])
@given(texts=texts, left_out=st.sets(st.integers(0, 11)), batch_size=sizes, window=windows)
def test_batches_do_not_depend_on_other_documents_of_the_store(
    kind: type[DocumentBatches] | type[StreamBatches],
    texts: list[str],
    left_out: set[int],
    batch_size: int,
    window: int,
) -> None:
    chosen = np.array([index not in left_out for index in range(len(texts))])
    if not chosen.any():
        return
    whole, known = part(texts), vocabulary(texts)
    scattered = dataclasses.replace(whole, selection=Selection.from_mask(chosen))
    together = part([text for text, is_in in zip(texts, chosen, strict=True) if is_in], known)
    counted = dataclasses.replace(scattered, counts=together.counts)
    first, second = (
        list(kind(dataset=each, batch_size=batch_size, window=window, seed=5).epoch(1))
        for each in (counted, together)
    )
    assert len(first) == len(second)
    assert all(map(same, first, second))


@pytest.mark.parametrize("batch_size", [16, 64, 256])
def test_padding_is_below_a_twentieth_of_the_computed_steps(batch_size: int) -> None:
    # Lengths as of titles: about 45 characters, log-normally distributed.
    rng = np.random.default_rng(1)
    lengths = np.exp(rng.normal(np.log(43), 0.3, size=30_000)).astype(int) + 1
    documents = part(["x" * int(n) for n in lengths])
    computed = sum(
        batch.mask_TB.size
        for batch in DocumentBatches(
            dataset=documents, batch_size=batch_size, window=256, seed=0
        ).epoch(1)
    )
    assert 1 - documents.total_symbols / computed < 0.05
