"""Held-out texts and samples, by number, length, label and seed."""

import pytest
from corpora_by_hand import part
from records import record

from charloom.evaluation.sample_sets import draw_samples, matched_held_out
from charloom.model import Model
from charloom.settings import SamplingSettings

TEXTS = [f"text {k}" for k in range(10)]
SETTINGS = SamplingSettings(seed=5, length=20)


@pytest.mark.parametrize(
    ("count", "expected"), [(2, [0, 5]), (4, [0, 2, 5, 7]), (10, range(10)), (40, range(10))]
)
def test_held_out_lines_are_evenly_spaced(count: int, expected: list[int]) -> None:
    lines = matched_held_out(part(TEXTS), ["x"] * count, "line")
    assert lines == [TEXTS[index] for index in expected]


def test_long_documents_are_cut_to_the_lengths_of_the_samples() -> None:
    """An empty sample has a text of one character, since it cannot have none."""
    held_out = part(["abcdefghij", "klm"])
    texts = matched_held_out(held_out, ["123", "", "1234", "12", "1234", "1"], "document")
    assert texts == ["abc", "d", "efgh", "ij", "klm"]
    assert matched_held_out(held_out, ["12", "12345"], "stream") == ["ab", "cdefg"]


@pytest.mark.parametrize(
    ("n", "counts"),
    [(1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1]), (7, [2, 2, 3]), (12, [4, 4, 4])],
)
def test_labels_have_equal_numbers_of_samples(n: int, counts: list[int]) -> None:
    """Each sample is the one that ``generate`` makes with its label and seed."""
    labels = ("a", "b", "c")
    model = Model(record(labels=labels))
    samples = list(draw_samples(model.generator, SETTINGS, n, labels))
    assert [sample.seed for sample in samples] == [*range(5, 5 + n)]
    expected: list[str] = []
    for label, count in zip(labels, counts, strict=True):
        seed = 5 + len(expected)
        if count:
            expected += model.generate(n=count, seed=seed, length=20, label=label)
    assert [sample.text for sample in samples] == expected


def test_samples_without_labels_are_those_of_the_generator() -> None:
    model = Model(record())
    samples = [sample.text for sample in draw_samples(model.generator, SETTINGS, 4)]
    assert samples == model.generate(n=4, seed=5, length=20)
