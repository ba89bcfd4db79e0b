"""Validation batches against the documents that they were cut from."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import pytest
from corpora_by_hand import part
from hypothesis import given
from hypothesis import strategies as st

from charloom.network.batch import Batch
from charloom.text.vocabulary import EOS
from charloom.training.validation_batches import PIECE_TARGETS, WARM_UP, ValidationBatches

LONGEST_WHOLE = PIECE_TARGETS + WARM_UP


@dataclasses.dataclass
class Sequence:
    """All that is read of one sequence, in all windows."""

    label: int
    inputs: list[int] = dataclasses.field(default_factory=list)
    targets: list[int] = dataclasses.field(default_factory=list)
    counted: list[bool] = dataclasses.field(default_factory=list)


def read(batches: Iterable[Batch]) -> list[Sequence]:
    sequences: list[Sequence] = []
    carried: list[Sequence] = []
    for batch in batches:
        if batch.starts:
            carried = [Sequence(label) for label in batch.labels_B.tolist()]
            sequences += carried
        carried = carried[: len(batch.labels_B)]
        for column, sequence in enumerate(carried):
            sequence.inputs += np.asarray(batch.inputs_TB)[:, column].tolist()
            sequence.targets += np.asarray(batch.targets_TB)[:, column].tolist()
            sequence.counted += np.asarray(batch.mask_TB)[:, column].tolist()
    for sequence in sequences:
        end = max(np.flatnonzero(sequence.counted)) + 1
        sequence.inputs, sequence.targets = sequence.inputs[:end], sequence.targets[:end]
        sequence.counted = sequence.counted[:end]
    return sequences


def letters(count: int) -> str:
    return "".join(np.random.default_rng(count).choice(list("abcde"), size=count))


@given(
    texts=st.lists(st.text("abc", min_size=1, max_size=40), min_size=1, max_size=12),
    batch_size=st.integers(1, 5),
    window=st.integers(1, 9),
)
def test_short_documents_are_read_whole_between_boundaries(
    texts: list[str], batch_size: int, window: int
) -> None:
    documents = part(texts)
    sequences = read(ValidationBatches(dataset=documents, batch_size=batch_size, window=window))
    assert all(all(sequence.counted) for sequence in sequences)
    lengths = [len(sequence.targets) for sequence in sequences]
    assert lengths == sorted(lengths, reverse=True)
    expected = [documents.document(index).tolist() for index in range(len(texts))]
    assert sorted(s.inputs for s in sequences) == sorted([EOS, *ids] for ids in expected)
    assert sorted(s.targets for s in sequences) == sorted([*ids, EOS] for ids in expected)


@pytest.mark.parametrize("more", [1, PIECE_TARGETS - WARM_UP, PIECE_TARGETS - WARM_UP + 1, 4000])
def test_a_long_document_is_cut_into_pieces_that_start_earlier(more: int) -> None:
    length = LONGEST_WHOLE + more
    documents = part([letters(length)])
    ids = documents.document(0).tolist()
    sequences = read(ValidationBatches(dataset=documents, batch_size=4, window=100))
    targets = [*ids, EOS]
    expected = {}
    for first in range(0, length, PIECE_TARGETS):
        begin = max(first - WARM_UP, 0)
        end = first + PIECE_TARGETS if first + PIECE_TARGETS < length else length + 1
        expected[tuple(targets[begin:end])] = first - begin
    assert len(sequences) == len(expected) > 1
    for sequence in sequences:
        warm_up = expected.pop(tuple(sequence.targets))
        assert sequence.inputs == [EOS, *sequence.targets[:-1]]
        assert sequence.counted == [False] * warm_up + [True] * (len(sequence.targets) - warm_up)


def test_every_target_counts_once() -> None:
    texts = [letters(count) for count in (1, 5000, LONGEST_WHOLE, 7, LONGEST_WHOLE + 1, 2048)]
    documents = part(texts)
    batches = list(ValidationBatches(dataset=documents, batch_size=3, window=128))
    assert sum(batch.symbols for batch in batches) == documents.total_symbols
    assert sum(batch.characters for batch in batches) == documents.total_characters
    assert all(batch.symbols == int(np.asarray(batch.mask_TB).sum()) for batch in batches)
    assert any(batch.symbols == 0 for batch in batches), "windows of warm-up alone"


def test_a_document_of_the_limit_is_whole() -> None:
    (sequence,) = read(ValidationBatches(dataset=part([letters(LONGEST_WHOLE)])))
    assert all(sequence.counted)


def test_every_piece_has_the_label_of_its_document() -> None:
    documents = part([letters(3000), "ab", "c"], labels=[1, 0, -1])
    sequences = read(ValidationBatches(dataset=documents, batch_size=2, window=50))
    assert sorted(sequence.label for sequence in sequences) == [-1, 0, 1, 1, 1]
