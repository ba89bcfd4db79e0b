import math
from typing import Any

import pytest

from charloom.errors import SettingsError
from charloom.settings import TrainingSettings

REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"minutes": 1.0, "epochs": 3},
        "minutes and epochs are both given; give one of them.",
    ),
    (
        {"minutes": 0.0},
        "minutes is 0.0; it must be a number of more than 0.",
    ),
    (
        {"epochs": 0},
        "epochs is 0; it must be a number of at least 1.",
    ),
    (
        {"steps": -1},
        "steps is -1; it must be a number of at least 1.",
    ),
    (
        {"batch_size": 0},
        "batch-size is 0; it must be a number of at least 1.",
    ),
    (
        {"window": 0},
        "window is 0; it must be a number of at least 1.",
    ),
    (
        {"learning_rate": math.nan},
        "lr is nan; it must be a number of more than 0.",
    ),
    (
        {"optimizer": "adam"},
        "optimizer is 'adam'; allowed: muon, adamw, rmsprop, sgd.",
    ),
    (
        {"schedule": "cosine"},
        "schedule is 'cosine'; allowed: linear, constant.",
    ),
    (
        {"weight_decay": -0.1},
        "weight-decay is -0.1; it must be a number of at least 0.",
    ),
    (
        {"clip": 0.0},
        "clip-norm is 0.0; it must be a number of more than 0.",
    ),
    (
        {"seed": -1},
        "seed is -1; it must be a number of at least 0 and at most 9223372036854775807.",
    ),
    (
        {"precision": "fp8"},
        "precision is 'fp8'; allowed: auto, fp32, bf16.",
    ),
    (
        {"sample_every": 0.0},
        "sample-every is 0.0; it must be a number of more than 0.",
    ),
    (
        {"temperatures": (0.5, -1.0)},
        "temperature is -1.0; it must be a number of at least 0.",
    ),
    (
        {"epochs": 2.5},
        "epochs is 2.5; allowed: a whole number.",
    ),
    (
        {"learning_rate": "0.1"},
        "lr is '0.1'; allowed: a number.",
    ),
    (
        {"clip": True},
        "clip-norm is True; allowed: a number.",
    ),
    (
        {"temperatures": 0.5},
        "temperatures is 0.5; allowed: a list of numbers, such as [0.5, 1].",
    ),
    (
        {"prompts": "Hey"},
        "prompts is 'Hey'; allowed: a list of texts, such as ['a', 'b'].",
    ),
]


@pytest.mark.parametrize(("values", "message"), REFUSED, ids=str)
def test_wrong_types_and_ranges_are_refused_with_the_allowed_values(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        TrainingSettings(**values)
    assert str(caught.value) == message


def test_the_budget_is_two_minutes_unless_another_one_is_given() -> None:
    assert TrainingSettings().minutes == 2
    assert TrainingSettings(epochs=3).minutes is None


def test_integers_of_any_size_are_accepted() -> None:
    assert TrainingSettings(minutes=3).minutes == 3
    assert TrainingSettings(steps=10**400).steps == 10**400


@pytest.mark.parametrize(
    ("settings", "budget"),
    [
        (TrainingSettings(), "2 minutes"),
        (TrainingSettings(minutes=1), "1 minute"),
        (TrainingSettings(minutes=0.25), "0.25 minutes"),
        (TrainingSettings(epochs=1), "1 epoch"),
        (TrainingSettings(epochs=1200), "1,200 epochs"),
        (TrainingSettings(steps=2), "2 steps"),
    ],
)
def test_the_budget_in_words(settings: TrainingSettings, budget: str) -> None:
    assert settings.budget == budget
