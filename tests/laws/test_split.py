"""No validation document is in the training set; the split depends on texts and seed only."""

import math
import random
from hashlib import blake2b

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from soak import example_count

from charloom.data.corpus import Corpus, build_corpus
from charloom.data.dataset import Dataset
from charloom.data.reading_notes import ReadingNotes
from charloom.data.store import Store
from charloom.settings import TextSettings

SEEDS = st.integers(0, 2**63 - 1)
FRACTIONS = st.floats(0.001, 0.999)
# Each text has two different symbols, so that every training set has.
TEXTS = st.text("abc😀", max_size=4).map(lambda text: f"xy{text}")
CORPORA = st.lists(TEXTS, min_size=2, max_size=60).filter(lambda texts: len(set(texts)) > 1)


def store_of(texts: list[str]) -> Store:
    """Return a store of level char in memory."""
    symbols = tuple(dict.fromkeys("".join(texts)))
    number = {symbol: index for index, symbol in enumerate(symbols)}
    hashes = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    ids = np.array([number[c] for text in texts for c in text], dtype=np.uint16)
    return Store(
        level="char",
        symbols=symbols,
        ids=ids,
        offsets=np.cumsum([0, *map(len, texts)]),
        hashes=np.frombuffer(hashes, dtype="<u8"),
        labels=(),
        label_ids=np.full(len(texts), -1, dtype=np.int32),
        counts=np.bincount(ids, minlength=len(symbols)),
        label_counts=np.zeros(0, dtype=np.int64),
        distinct_texts=len(set(texts)),
        max_length=max(map(len, texts)),
        fingerprint="",
        notes=ReadingNotes(),
    )


def spans(dataset: Dataset) -> tuple[list[int], list[int]]:
    starts, stops = dataset.spans(np.arange(len(dataset)))
    return starts.tolist(), stops.tolist()


def texts_of(store: Store, corpus: Corpus) -> tuple[list[str], list[str]]:
    """Return the texts of the training set and of the validation set."""
    training, validation = (
        [
            "".join(store.symbols[raw] for raw in dataset.ids[start:stop])
            for start, stop in zip(*spans(dataset), strict=True)
        ]
        for dataset in (corpus.training, corpus.validation)
    )
    return training, validation


def split_texts(texts: list[str], fraction: float, seed: int) -> tuple[list[str], list[str]]:
    store = store_of(texts)
    text = TextSettings(valid_fraction=fraction, min_count=1)
    return texts_of(store, build_corpus(store, text, seed=seed))


@given(texts=CORPORA, fraction=FRACTIONS, seed=SEEDS)
def test_no_document_is_in_both_sets_and_none_is_lost(
    texts: list[str], fraction: float, seed: int
) -> None:
    training, validation = split_texts(texts, fraction, seed)
    assert training and validation
    assert not set(training) & set(validation)
    assert sorted(training + validation) == sorted(texts)


@given(texts=CORPORA, fraction=FRACTIONS, seed=SEEDS)
def test_the_fraction_is_met_within_one_distinct_document(
    texts: list[str], fraction: float, seed: int
) -> None:
    _, validation = split_texts(texts, fraction, seed)
    assert abs(len(set(validation)) - fraction * len(set(texts))) < 1


@given(texts=CORPORA, fraction=FRACTIONS, seed=SEEDS, order=st.randoms(use_true_random=False))
def test_the_order_of_the_documents_does_not_matter(
    texts: list[str], fraction: float, seed: int, order: random.Random
) -> None:
    shuffled = order.sample(texts, len(texts))
    first, second = split_texts(texts, fraction, seed), split_texts(shuffled, fraction, seed)
    assert [sorted(texts) for texts in first] == [sorted(texts) for texts in second]


@given(seed=SEEDS)
@settings(max_examples=example_count(20))
def test_the_same_seed_repeats_the_split_and_another_seed_does_not(seed: int) -> None:
    texts = [f"text {i}" for i in range(200)]
    first = split_texts(texts, 0.5, seed)
    assert first == split_texts(texts, 0.5, seed)
    # Two random choices of 100 from 200 are equal with probability 1 / C(200, 100) < 1e-58.
    assert first != split_texts(texts, 0.5, (seed + 1) % 2**63)


def test_every_document_is_equally_likely_to_be_selected() -> None:
    seeds, texts = 1000, [f"text {i}" for i in range(40)]
    selected = [text for seed in range(seeds) for text in split_texts(texts, 0.25, seed)[1]]
    # Each count is binomial(1000, 1/4). It deviates by more than six standard deviations with
    # probability 2e-9, and any of the 40 with probability 1e-7. The test finds a biased selection.
    bound = 6 * math.sqrt(seeds * 0.25 * 0.75)
    assert all(abs(selected.count(text) - seeds / 4) < bound for text in texts)


@given(texts=CORPORA, others=CORPORA)
def test_no_document_of_the_validation_file_is_trained_on(
    texts: list[str], others: list[str]
) -> None:
    texts = [*texts, "only for training"]
    store, held_out = store_of(texts), store_of(others)
    corpus = build_corpus(store, TextSettings(min_count=1), seed=0, validation=held_out)
    training, _ = texts_of(store, corpus)
    assert training == [text for text in texts if text not in others]
    assert spans(corpus.validation)[0] == held_out.offsets[:-1].tolist()


@given(texts=CORPORA, fraction=FRACTIONS, seed=SEEDS)
def test_a_stream_is_cut_once(texts: list[str], fraction: float, seed: int) -> None:
    store, whole = store_of(texts), "".join(texts)
    # ``build_corpus`` refuses a training set of one symbol.
    assume(len(whole) - math.ceil(fraction * len(whole)) > 1)
    text = TextSettings(unit="stream", valid_fraction=fraction, min_count=1)
    training, validation = texts_of(store, build_corpus(store, text, seed=seed))
    assert "".join(training) + "".join(validation) == whole
    assert len(training) + len(validation) - len(texts) in (0, 1)
    assert abs(len("".join(validation)) - fraction * len(whole)) < 1
