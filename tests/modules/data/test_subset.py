"""Subsets of a store have the counts of their documents, however they are read."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charloom.data import subset as subset_module
from charloom.data.store import Store, load_store, write_store
from charloom.data.subset import Subset, all_documents, split_by_mask, split_stream
from charloom.text.documents import Document, to_blocks
from charloom.text.vocabulary import Vocabulary

TEXTS = ["abba", "c", "dada" * 5, "é", "bcd", "a", "ddd", "ab"]
LABELS = ["x", None, "y", "x", "y", "y", None, "z"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("subset") / "store"
    documents = (Document(text=t, label=label) for t, label in zip(TEXTS, LABELS, strict=True))
    write_store(to_blocks(documents), folder, "char")
    store = load_store(folder, "char", "content")
    assert store is not None
    return store


def check(subset: Subset, texts: list[str], labels: list[str | None]) -> None:
    """Compare the counts of a subset with those of texts and labels."""
    store = subset.store
    symbols = {s: n for s, n in zip(store.symbols, subset.counts.tolist(), strict=True) if n}
    assert symbols == Counter("".join(texts))
    counts = zip(store.labels, subset.label_counts.tolist(), strict=True)
    assert {label: n for label, n in counts if n} == Counter(filter(None, labels))
    assert subset.labels() == set(filter(None, labels))
    assert len(subset.selection) == len(texts)


@given(
    mask=st.lists(st.booleans(), min_size=len(TEXTS), max_size=len(TEXTS)), size=st.integers(1, 9)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_of_both_sides_agree_with_their_texts(
    store: Store, mask: list[bool], size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subset_module, "BLOCK_IDS", size)
        outside, inside = split_by_mask(store, np.array(mask))
    for subset, side in ((outside, False), (inside, True)):
        members = [d for d, selected in enumerate(mask) if selected is side]
        check(subset, [TEXTS[d] for d in members], [LABELS[d] for d in members])


def test_all_documents_have_the_counts_of_the_store(store: Store) -> None:
    check(all_documents(store), TEXTS, LABELS)


@pytest.mark.parametrize("validation", range(1, sum(map(len, TEXTS))))
def test_both_sides_of_a_stream_have_the_counts_of_their_parts(
    store: Store, validation: int
) -> None:
    total = sum(map(len, TEXTS))
    training, held_out, limited = split_stream(store, 0.999, limit=validation)
    assert limited is (validation < total - 1)
    cut, begin = total - validation, 0
    parts: dict[str, list[tuple[str, str | None]]] = {"before": [], "after": []}
    for text, label in zip(TEXTS, LABELS, strict=True):
        if before := text[: max(0, cut - begin)]:
            parts["before"].append((before, label))
        if after := text[max(0, cut - begin) :]:
            parts["after"].append((after, label))
        begin += len(text)
    for subset, name in ((training, "before"), (held_out, "after")):
        check(subset, [text for text, _ in parts[name]], [label for _, label in parts[name]])


def test_a_dataset_has_the_labels_of_the_model(store: Store) -> None:
    vocabulary = Vocabulary.from_counts("char", store.symbols, store.counts, 1, len(TEXTS))
    dataset = all_documents(store).to_dataset(vocabulary, ("z", "x"))
    assert dataset.labels(np.arange(len(TEXTS))).tolist() == [1, -1, -1, 1, -1, -1, -1, 0]
    assert [dataset.text(d) for d in range(len(TEXTS))] == TEXTS
    assert [vocabulary.decode(dataset.document(d)) for d in range(len(TEXTS))] == TEXTS
