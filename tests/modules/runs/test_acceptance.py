"""Texts of the network of a run, judged by a checker."""

import dataclasses
from collections.abc import Sequence

import pytest
from corpora_by_hand import part
from networks import markov_tensors
from records import record

from charloom.runs.acceptance import Acceptance
from charloom.settings import TrainingSettings
from charloom.text.vocabulary import Vocabulary

AB = Vocabulary.from_counts("char", "ab", (2, 2), 1, 2)
ROWS = [[0.0, 0.0, 0.75, 0.25]] + [[1.0, 0.0, 0.0, 0.0]] * 3
"""Each text is one letter: a with probability 0.75, else b."""


def make_acceptance(seen: list[str], count: int) -> Acceptance:
    """Return a measurement that accepts the letter a and records the texts."""

    def checker(texts: Sequence[str]) -> list[bool]:
        seen.extend(texts)
        return [text == "a" for text in texts]

    network, tensors = markov_tensors(ROWS)
    training = TrainingSettings(steps=3, checked_texts=count)
    made = record(vocabulary=AB, network=network, training=training, tensors={})
    weights = {name: tensor.astype("float32") for name, tensor in tensors.items()}
    return Acceptance(checker=checker, record=made, weights=lambda: weights)


def test_the_share_is_that_of_samples_at_temperature_1() -> None:
    """Odds of a failure: 5 standard deviations, below 1e-6, but for the fixed seed."""
    seen: list[str] = []
    share = make_acceptance(seen, 2000).share()
    assert len(seen) == 2000
    assert share == seen.count("a") / 2000 == pytest.approx(0.75, abs=0.05)


def test_the_samples_follow_from_the_seed() -> None:
    first: list[str] = []
    second: list[str] = []
    acceptance = make_acceptance(first, 40)
    assert acceptance.share() == acceptance.share()
    assert first[:40] == first[40:]
    training = dataclasses.replace(acceptance.record.training, seed=7)
    other = make_acceptance(second, 40)
    dataclasses.replace(other, record=dataclasses.replace(other.record, training=training)).share()
    assert second != first[:40]


@pytest.mark.parametrize(
    ("texts", "note"),
    [
        (["a"], "the checker accepts 100% of 1 training text."),
        (["a", "b", "a", "a"], "the checker accepts 75% of 4 training texts."),
        (
            ["a", "b", "b"],
            "the checker accepts 33% of 3 training texts; is it made for them?",
        ),
    ],
)
def test_training_texts_are_judged_first(texts: list[str], note: str) -> None:
    assert make_acceptance([], 100).try_on(part(texts, AB)) == note


def test_the_judged_training_texts_are_spread_evenly() -> None:
    seen: list[str] = []
    make_acceptance(seen, 3).try_on(part(["a", "b", "aa", "bb", "ab", "ba"], AB))
    assert seen == ["a", "aa", "ab"]


def test_long_training_texts_are_cut_as_samples_are() -> None:
    seen: list[str] = []
    make_acceptance(seen, 3).try_on(part(["ab" * 5000], AB))
    assert seen == ["ab" * 250]
