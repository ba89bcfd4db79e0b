"""Sets, vocabulary and labels of a corpus agree with counts by hand; useless texts are refused."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from charloom.data import corpus as corpus_module
from charloom.data import subset as subset_module
from charloom.data.corpus import Corpus, build_corpus
from charloom.data.dataset import Dataset
from charloom.data.store import Store, load_store, write_store
from charloom.errors import CorpusError
from charloom.settings import Level, TextSettings
from charloom.text.documents import Document, to_blocks
from charloom.text.symbols import split
from charloom.text.vocabulary import UNK

Make = Callable[..., Store]
LINES = [f"line {i} of façade 😀 {i * i}" for i in range(100)]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def build(
        texts: Sequence[str], level: Level = "char", labels: Sequence[str | None] = ()
    ) -> Store:
        folder = tmp_path / f"store{len(list(tmp_path.iterdir()))}"
        all_labels = labels or [None] * len(texts)
        documents = (
            Document(text=t, label=label) for t, label in zip(texts, all_labels, strict=True)
        )
        write_store(to_blocks(documents), folder, level)
        store = load_store(folder, level, folder.name)
        assert store is not None
        return store

    return build


def hashes(documents: Sequence[str]) -> list[int]:
    digests = (blake2b(text.encode(), digest_size=8).digest() for text in documents)
    return [int.from_bytes(digest, "little") for digest in digests]


def texts(corpus: Corpus, dataset: Dataset) -> list[str]:
    return [corpus.vocabulary.decode(dataset.document(d)) for d in range(len(dataset))]


def lengths(dataset: Dataset) -> list[int]:
    all_lengths: list[int] = dataset.lengths(np.arange(len(dataset))).tolist()
    return all_lengths


def labels(dataset: Dataset) -> list[int]:
    all_labels: list[int] = dataset.labels(np.arange(len(dataset))).tolist()
    return all_labels


def document_hashes(corpus: Corpus) -> list[int]:
    all_hashes: list[int] = np.concatenate(list(corpus.document_hashes())).tolist()
    return all_hashes


EASY = TextSettings(min_count=1, valid_fraction=0.2)
STREAM = TextSettings(min_count=1, valid_fraction=0.25, unit="stream")


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
def test_training_documents_are_whole_and_in_order(make: Make, level: Level) -> None:
    corpus = build_corpus(make(LINES, level), EASY, seed=0)
    assert len(corpus.validation) == 20
    # Symbols of the validation set may be unknown, so only training texts can be decoded.
    training = texts(corpus, corpus.training)
    assert set(training) < set(LINES) and len(training) == 80
    assert training == [line for line in LINES if line in training]


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
@pytest.mark.parametrize("block", [1 << 20, 30])
def test_counts_are_those_of_the_training_set(
    make: Make, level: Level, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subset_module, "BLOCK_IDS", block)
    corpus = build_corpus(make(LINES, level), EASY, seed=0)
    training = texts(corpus, corpus.training)
    counted = Counter(s for text in training for s in split(text, level))
    vocabulary = corpus.vocabulary
    # Where characters spell words, those that no text needs have the count 0.
    assert Counter(dict(zip(vocabulary.symbols[2:], vocabulary.counts[2:], strict=True))) == counted
    assert vocabulary.counts[:2] == (80, 0)
    assert corpus.training.total_symbols == counted.total() + 80
    assert corpus.training.total_characters == sum(map(len, training)) + 80
    assert corpus.validation.total_characters == (
        sum(map(len, LINES)) + 100 - corpus.training.total_characters
    )


def test_a_character_of_several_bytes_counts_at_its_first(make: Make) -> None:
    corpus = build_corpus(make(["é€", "ab", "ba"] * 5, "byte"), EASY, seed=0)
    dataset = next(d for d in (corpus.training, corpus.validation) if 5 in lengths(d))
    index = lengths(dataset).index(5)
    assert dataset.characters(index).tolist() == [1, 0, 1, 0, 0]


def test_min_count_applies_to_the_training_set(make: Make) -> None:
    store = make(["abc", "abd", "xyz"], "char")
    held_out = make(["xyz", "wab"])
    corpus = build_corpus(store, TextSettings(min_count=2), seed=0, validation=held_out)
    assert corpus.vocabulary.symbols == ("<eos>", "<unk>", "a", "b")
    assert corpus.vocabulary.counts == (2, 2, 2, 2)
    assert corpus.training.document(0).tolist() == [2, 3, UNK]
    assert corpus.validation.document(1).tolist() == [UNK, 2, 3]


def test_documents_of_the_validation_file_are_left_out(make: Make) -> None:
    store, held_out = make(["one", "two", "one", "three"]), make(["one", "four"])
    corpus = build_corpus(store, EASY, seed=0, validation=held_out)
    assert texts(corpus, corpus.training) == ["two", "three"]
    assert corpus.notes == (
        "2 of 4 training documents are also in the validation file: left out.",
        "1 of 4 texts is a copy of an earlier one: --unique-documents leaves them out.",
    )
    assert corpus.fingerprint == f"{store.fingerprint}+{held_out.fingerprint}"


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
def test_hashes_are_those_of_all_documents(make: Make, level: Level) -> None:
    corpus = build_corpus(make(LINES, level), EASY, seed=0)
    assert document_hashes(corpus) == hashes(LINES)
    held_out = make(["one", "four"], level)
    with_own = build_corpus(
        make(["one", "two", "one", "six", "two"], level), EASY, seed=0, validation=held_out
    )
    every = ["one", "two", "one", "six", "two", "one", "four"]
    assert document_hashes(with_own) == hashes(every)


def test_a_stream_has_no_hashes(make: Make) -> None:
    assert build_corpus(make(["abcdefgh", "aabbccdd"]), STREAM, seed=0).hashes == ()
    held_out = make(["abab"])
    assert build_corpus(make(["abcdefgh"]), STREAM, seed=0, validation=held_out).hashes == ()


def test_a_corpus_without_problems_has_no_notes(make: Make) -> None:
    store = make(["one", "two"])
    corpus = build_corpus(store, EASY, seed=0, validation=make(["three"]))
    assert corpus.notes == ()
    assert build_corpus(store, EASY, seed=0).fingerprint == store.fingerprint


def test_a_stream_is_cut_before_its_end(make: Make) -> None:
    corpus = build_corpus(make(["abcdefgh", "aabbccdd", "abcd"]), STREAM, seed=0)
    assert texts(corpus, corpus.training) == ["abcdefgh", "aabbccd"]
    assert texts(corpus, corpus.validation) == ["d", "abcd"]


def test_a_stream_is_cut_between_documents_without_empty_ones(make: Make) -> None:
    corpus = build_corpus(make(["abcdef", "aabbcc", "abcd"]), STREAM, seed=0)
    assert texts(corpus, corpus.training) == ["abcdef", "aabbcc"]
    assert texts(corpus, corpus.validation) == ["abcd"]


def test_a_stream_of_bytes_is_cut_between_characters(make: Make) -> None:
    corpus = build_corpus(
        make(["ab€€"], "byte"), dataclasses.replace(STREAM, valid_fraction=0.5), seed=0
    )
    assert texts(corpus, corpus.training) == ["ab€"]
    assert corpus.validation.total_characters == 2


def test_labels_are_those_of_the_training_part_in_order(make: Make) -> None:
    store = make(["a1", "b2", "c3", "d4"], labels=["z", None, "b", "z"])
    held_out = make(["e5", "f6", "g7"], labels=["z", "new", None])
    corpus = build_corpus(store, EASY, seed=0, validation=held_out)
    assert corpus.labels == ("b", "z")
    assert labels(corpus.training) == [1, -1, 0, 1]
    assert labels(corpus.validation) == [1, -1, -1]
    assert corpus.notes == ("labels that only the validation set has are ignored: new.",)


def test_a_note_lists_five_labels_and_counts_the_others(make: Make) -> None:
    store = make(["a1", "b2"], labels=["z", "z"])
    unseen = [f"{number}" * 41 for number in range(7)]
    held_out = make([f"e{number}" for number in range(7)], labels=unseen)
    shown = ", ".join(f"{number}" * 40 + "..." for number in range(5))
    assert build_corpus(store, EASY, seed=0, validation=held_out).notes == (
        f"labels that only the validation set has are ignored: {shown} and 2 more.",
    )


@pytest.mark.parametrize(("labels", "noted"), [("abcdd", True), ("abccc", False)])
def test_a_note_asks_about_labels_that_most_documents_have_alone(
    make: Make, labels: str, noted: bool
) -> None:
    held_out = make(["other"])
    store = make(["a1", "b2", "c3", "d4", "e5"], labels=list(labels))
    note = f"there are {len(set(labels))} labels for 5 documents: is that the right --label-column?"
    assert build_corpus(store, EASY, seed=0, validation=held_out).notes == (
        (note,) if noted else ()
    )


def test_documents_without_labels_have_label_minus_one(make: Make) -> None:
    corpus = build_corpus(make(["one", "two"]), EASY, seed=0)
    assert corpus.labels == ()
    assert labels(corpus.training) == [-1]


@pytest.mark.parametrize(
    ("settings", "limit"),
    [(EASY, "MAX_VALIDATION_SYMBOLS"), (STREAM, "MAX_STREAM_VALIDATION_SYMBOLS")],
)
def test_the_validation_set_is_limited(
    make: Make, settings: TextSettings, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_module, limit, 40)
    store = make([f"{i:010}" for i in range(100)])
    corpus = build_corpus(store, settings, seed=0)
    assert sum(lengths(corpus.validation)) == 40
    assert sum(lengths(corpus.training)) == 960
    assert corpus.notes == (
        "the validation set is limited to 40 symbols, less than the fraction "
        f"{settings.valid_fraction:g} of the text; the rest is used for training.",
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_document_above_the_limit_is_trained_on(
    make: Make, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_module, "MAX_VALIDATION_SYMBOLS", 40)
    long = [f"{number}" * 41 for number in range(8)]
    corpus = build_corpus(make([*long, "the short one"]), EASY, seed=seed)
    assert texts(corpus, corpus.training) == long
    assert len(corpus.notes) == 1
    assert corpus.notes[0].startswith("the validation set is limited to 40 symbols, less than")


def test_if_every_document_is_above_the_limit_the_shortest_is_validated_on(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_module, "MAX_VALIDATION_SYMBOLS", 40)
    corpus = build_corpus(make([f"{n} " * (30 + n) for n in (3, 1, 2)]), EASY, seed=0)
    assert len(corpus.validation) == 1
    assert corpus.validation.total_symbols == 63
    assert corpus.notes == (
        "the validation set has 62 symbols, because no document is shorter, so validation is slow; "
        "shorter documents, --unit stream, or a validation file with --valid avoid that.",
    )


@pytest.mark.parametrize(
    ("documents", "settings", "message"),
    [
        (
            ["all in one"],
            EASY,
            "the source holds one document only; a split into training and validation needs two "
            "different ones: give more, a validation file with --valid, or read it with --unit "
            "stream.",
        ),
        (
            ["the same"] * 3,
            EASY,
            "the source holds 3 documents of the same text; a split into training and validation "
            "needs two different ones: give more, a validation file with --valid, or read it with "
            "--unit stream.",
        ),
        (
            ["x"],
            STREAM,
            "the validation set would be empty; give more text, or a validation file with --valid.",
        ),
        (
            ["a", "aa", "aaaa"],
            EASY,
            "the training set has one distinct symbol, 'a'; there is nothing to learn: give a "
            "text of at least two.",
        ),
        (
            ["abcb", "abc", "bcd"],
            dataclasses.replace(EASY, min_count=9),
            "every symbol of the training set is rarer than min-count 9, the most frequent occurs "
            "3 times; lower --min-count or give more text.",
        ),
    ],
)
def test_texts_that_cannot_be_trained_on_are_refused(
    make: Make, documents: list[str], settings: TextSettings, message: str
) -> None:
    with pytest.raises(CorpusError) as error:
        build_corpus(make(documents), settings, seed=4)
    assert str(error.value) == message


def test_a_training_set_contained_in_the_validation_file_is_refused(make: Make) -> None:
    with pytest.raises(CorpusError) as error:
        build_corpus(make(["one", "two"]), EASY, seed=0, validation=make(["two", "one", "three"]))
    assert str(error.value) == (
        "the training set would be empty: each of its 2 documents is also in the validation file; "
        "give other documents to one of them."
    )


def test_copies_are_reported_and_left_out_on_request(make: Make) -> None:
    store = make([*LINES, *LINES[:30], LINES[0]])
    corpus = build_corpus(store, TextSettings(), seed=1)
    assert corpus.notes == (
        "31 of 131 texts are copies of an earlier one: --unique-documents leaves them out.",
    )
    assert corpus.reading["copies"] == 31
    unique = build_corpus(store, TextSettings(unique_documents=True), seed=1)
    assert unique.notes == ("31 of 131 texts are copies of an earlier one: left out.",)
    found = texts(unique, unique.training) + texts(unique, unique.validation)
    plain = build_corpus(make(LINES), TextSettings(), seed=1)
    assert sorted(found) == sorted(texts(plain, plain.training) + texts(plain, plain.validation))
    assert unique.vocabulary == plain.vocabulary
    assert unique.training.total_symbols == plain.training.total_symbols


def test_the_last_documents_are_held_out_on_request(make: Make) -> None:
    lines = [*LINES, *LINES[:10]]
    settings = TextSettings(valid_tail=True, valid_fraction=0.2, min_count=1)
    corpus = build_corpus(make(lines), settings, seed=1)
    assert texts(corpus, corpus.training) == lines[:88]
    assert len(corpus.validation) == 22
