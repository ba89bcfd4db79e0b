"""Characters spell rare symbols: every document has the ids of ``Vocabulary.encode``."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charloom.data import spelling, subset
from charloom.data.corpus import Corpus, build_corpus
from charloom.data.dataset import Dataset
from charloom.data.store import Store, load_store, write_store
from charloom.errors import OutputError
from charloom.settings import TextSettings
from charloom.text.documents import Document, to_blocks

TEXTS = [
    "the cat sat on the mat",
    "the mat sat",
    "a cat, a hat",
    "zebra",
    "on the  mat the cat",
    "cat",
    "x y z",
    "the hat on the cat",
]


def store_of(texts: list[str], folder: Path, settings: TextSettings) -> Store:
    blocks = to_blocks(Document(text=text) for text in texts)
    write_store(blocks, folder, settings.level, None, settings.token_pattern)
    store = load_store(folder, settings.level, folder.name)
    assert store is not None
    return store


def corpus_of(
    texts: list[str],
    held_out: list[str] | None = None,
    block: int = subset.BLOCK_IDS,
    **settings: Any,
) -> Corpus:
    text = TextSettings(**{"min_count": 2, "valid_fraction": 0.3} | settings)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spelling, "BLOCK_IDS", block)
        validation = None if held_out is None else store_of(held_out, Path(name) / "v", text)
        return build_corpus(
            store_of(texts, Path(name) / "t", text), text, seed=0, validation=validation
        )


def check(corpus: Corpus, dataset: Dataset) -> list[str]:
    """Compare all that a dataset says with the texts of its documents; return them."""
    vocabulary = corpus.vocabulary
    texts = [dataset.text(d) for d in range(len(dataset))]
    ids = [dataset.document(d).tolist() for d in range(len(dataset))]
    assert ids == [vocabulary.encode(text).tolist() for text in texts]
    indices = np.arange(len(dataset))
    assert dataset.lengths(indices).tolist() == list(map(len, ids))
    assert dataset.max_length >= max(map(len, ids))
    counts = zip(dataset.symbols, dataset.counts.tolist(), strict=True)
    counted = Counter(s for text in texts for s in vocabulary.iter_symbols(text))
    assert {symbol: count for symbol, count in counts if count} == counted
    assert dataset.total_symbols == sum(map(len, ids)) + len(texts)
    assert dataset.total_characters == sum(map(len, texts)) + len(texts)
    for d, text in enumerate(texts):
        assert dataset.characters(d).sum() == len(text)
    return texts


words = st.lists(
    st.lists(st.sampled_from(["cat", "mat", "a", " ", "  ", ",", "xy", "é"]), min_size=1).map(
        "".join
    ),
    min_size=3,
    max_size=8,
)
patterns = st.sampled_from([{"level": "word"}, {"token_pattern": "ca?|at|xy"}])


@given(texts=words, settings=patterns, min_count=st.integers(1, 4), block=st.integers(1, 30))
@example(TEXTS, {"level": "word"}, 2, 1)
@example(TEXTS, {"level": "word"}, 2, 1 << 20)
def test_documents_have_the_ids_of_the_vocabulary(
    texts: list[str], settings: dict[str, Any], min_count: int, block: int
) -> None:
    distinct = [*dict.fromkeys([*texts, *TEXTS])]  # enough for some symbol to be frequent
    corpus = corpus_of(distinct, min_count=min_count, block=block, **settings)
    parts = check(corpus, corpus.training) + check(corpus, corpus.validation)
    assert sorted(parts) == sorted(distinct)


@given(texts=words, settings=patterns, fraction=st.floats(0.01, 0.5), block=st.integers(1, 30))
def test_a_stream_is_cut_between_symbols(
    texts: list[str], settings: dict[str, Any], fraction: float, block: int
) -> None:
    stream = ["the cat sat", *texts, "the cat"]
    corpus = corpus_of(
        stream, unit="stream", valid_fraction=fraction, min_count=1, block=block, **settings
    )
    parts = check(corpus, corpus.training) + check(corpus, corpus.validation)
    assert "".join(parts) == "".join(stream)


def test_a_validation_file_has_words_of_its_own() -> None:
    corpus = corpus_of(TEXTS, ["the dog", "zebra cat"], level="word")
    assert check(corpus, corpus.validation) == ["the dog", "zebra cat"]
    symbols = corpus.vocabulary.symbols
    ids = corpus.validation.document(0).tolist()
    assert [symbols[index] for index in ids] == ["the", " ", "<unk>", "o", "<unk>"]


def test_a_store_whose_symbols_are_all_known_is_used_itself() -> None:
    texts = ["aXbX", "bXaX", "XXaa", "abab"]
    corpus = corpus_of(texts, min_count=1, token_pattern="aX")
    assert corpus.training.symbols == ("aX", "b", "X", "a")
    check(corpus, corpus.training)


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(**_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("charloom.data.spelling.tempfile.mkdtemp", full)
    monkeypatch.setattr("charloom.data.spelling.tempfile.gettempdir", lambda: "/tmp/full")
    settings = TextSettings(level="word", min_count=2)
    store = store_of(TEXTS, tmp_path / "s", settings)
    with pytest.raises(OutputError) as error:
        build_corpus(store, settings, seed=0)
    assert str(error.value) == (
        "the text's ids cannot be written to /tmp/full (No space left on device): free some space, "
        "or set TMPDIR to a folder that can be written."
    )
