"""Texts over all labels in turn: as many as asked for, each that of its label and seed."""

import pytest
from records import record

from charloom.evaluation.sample_sets import draw_samples
from charloom.model import Model
from charloom.settings import SamplingSettings

SETTINGS = SamplingSettings(seed=5, length=20)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12])
def test_labels_have_equal_parts(n: int) -> None:
    labels = ("a", "b", "c")
    model = Model(record(labels=labels))
    drawn = list(draw_samples(model.generator, SETTINGS, n, labels))
    assert [one.seed for one in drawn] == [*range(5, 5 + n)]
    parts = [n // 3 + (k >= 3 - n % 3) for k in range(3)] if n >= 3 else [1] * n
    expected = [
        text
        for label, first, count in zip(
            labels, [sum(parts[:k]) for k in range(len(parts))], parts, strict=False
        )
        for text in model.generate(n=count, seed=5 + first, length=20, label=label)
    ]
    assert [one.text for one in drawn] == expected


def test_without_labels_they_are_those_of_the_generator() -> None:
    model = Model(record())
    drawn = [one.text for one in draw_samples(model.generator, SETTINGS, 4)]
    assert drawn == model.generate(n=4, seed=5, length=20)
