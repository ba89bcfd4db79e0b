"""Labels that are told: counted against a plain loop over the library's own answers."""

from collections import Counter

import pytest
from records import ALPHABET, record

from charloom.evaluation.classification import measure_classification
from charloom.model import Model
from charloom.text.documents import Document, to_blocks

TEXTS = [ALPHABET[k % 7 : k % 7 + 1 + k % 4] for k in range(40)]
LABELS = ("Sports", "World", "Sci/Tech")


def test_counts_by_own_label_and_told_label() -> None:
    model = Model(record(labels=LABELS))
    own = [LABELS[k % 3] if k % 5 else None for k in range(len(TEXTS))]
    documents = [Document(text=text, label=label) for text, label in zip(TEXTS, own, strict=True)]
    found = measure_classification(model.scorer, model.scorer.score_blocks(to_blocks(documents)))
    assert found is not None
    expected = Counter(zip(own, model.classify(TEXTS), strict=True))
    for row, label in enumerate(LABELS):
        for column, told in enumerate(LABELS):
            assert found.counts_CC[row, column] == expected[label, told]
    assert found.documents == len(TEXTS) - own.count(None)
    right = sum(count for (label, told), count in expected.items() if label == told)
    assert found.accuracy == pytest.approx(right / found.documents)
    assert found.to_json()["counts"] == found.counts_CC.tolist()


@pytest.mark.parametrize("labels", [(), ("one",)])
def test_without_two_labels_there_is_nothing_to_tell(labels: tuple[str, ...]) -> None:
    model = Model(record(labels=labels))
    label = labels[0] if labels else None
    blocks = to_blocks([Document(text="abc", label=label)])
    assert measure_classification(model.scorer, model.scorer.score_blocks(blocks)) is None


def test_without_labelled_documents_there_is_nothing_to_tell() -> None:
    model = Model(record(labels=LABELS))
    blocks = to_blocks([Document(text="abc")])
    assert measure_classification(model.scorer, model.scorer.score_blocks(blocks)) is None
