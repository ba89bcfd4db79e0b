"""The confusion matrix against a plain loop over ``Model.classify``."""

from collections import Counter

import pytest
from records import ALPHABET, record

from charloom.evaluation.classification import measure_classification
from charloom.model import Model
from charloom.text.documents import Document, to_blocks

TEXTS = [ALPHABET[k % 7 : k % 7 + 1 + k % 4] for k in range(40)]
LABELS = ("Sports", "World", "Sci/Tech")


def test_counts_are_by_own_label_and_predicted_label() -> None:
    model = Model(record(labels=LABELS))
    own = [LABELS[k % 3] if k % 5 else None for k in range(len(TEXTS))]
    documents = [Document(text=text, label=label) for text, label in zip(TEXTS, own, strict=True)]
    result = measure_classification(model.scorer, model.scorer.score_blocks(to_blocks(documents)))
    assert result is not None
    expected = Counter(zip(own, model.classify(TEXTS), strict=True))
    for row, label in enumerate(LABELS):
        for column, predicted in enumerate(LABELS):
            assert result.counts_CC[row, column] == expected[label, predicted]
    assert result.documents == len(TEXTS) - own.count(None)
    correct = sum(count for (label, predicted), count in expected.items() if label == predicted)
    assert result.accuracy == pytest.approx(correct / result.documents)
    assert result.to_json()["counts"] == result.counts_CC.tolist()


@pytest.mark.parametrize("labels", [(), ("one",)])
def test_there_is_no_result_for_a_model_of_fewer_than_two_labels(labels: tuple[str, ...]) -> None:
    model = Model(record(labels=labels))
    label = labels[0] if labels else None
    blocks = to_blocks([Document(text="abc", label=label)])
    assert measure_classification(model.scorer, model.scorer.score_blocks(blocks)) is None


def test_there_is_no_result_without_labelled_documents() -> None:
    model = Model(record(labels=LABELS))
    blocks = to_blocks([Document(text="abc")])
    assert measure_classification(model.scorer, model.scorer.score_blocks(blocks)) is None
