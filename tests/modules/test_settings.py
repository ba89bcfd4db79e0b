import json
import math
from typing import Any

import pytest

from charloom.errors import SettingsError
from charloom.settings import NetworkSettings, SamplingSettings, TextSettings, TrainingSettings

Kind = type[TextSettings] | type[NetworkSettings] | type[TrainingSettings] | type[SamplingSettings]

WRONG: list[tuple[Kind, dict[str, Any], str]] = [
    (
        TextSettings,
        {"level": "letter"},
        "level is 'letter'; allowed: char, byte, grapheme, word.",
    ),
    (TextSettings, {"unit": "page"}, "unit is 'page'; allowed: line, document, stream."),
    (TextSettings, {"min_count": 0}, "min-count is 0; it must be a number of at least 1."),
    (
        TextSettings,
        {"valid_fraction": 1.0},
        "valid-fraction is 1.0; it must be a number of more than 0 and less than 1.",
    ),
    (
        TextSettings,
        {"unit": "stream", "label_column": "class"},
        "labels were asked for with unit stream; a stream has no documents to label: "
        "use --unit line or --unit document.",
    ),
    (NetworkSettings, {"cell": "mlp"}, "cell is 'mlp'; allowed: lstm, gru, rnn."),
    (NetworkSettings, {"hidden": 0}, "hidden is 0; it must be a number of at least 1."),
    (NetworkSettings, {"layers": 0}, "layers is 0; it must be a number of at least 1."),
    (NetworkSettings, {"input": 0}, "input is 0; it must be a number of at least 1."),
    (
        NetworkSettings,
        {"input": "two-hot"},
        "input is 'two-hot'; allowed: one-hot, or a size such as 64.",
    ),
    (
        NetworkSettings,
        {"dropout": 1.0},
        "dropout is 1.0; it must be a number of at least 0 and less than 1.",
    ),
    (
        TrainingSettings,
        {"minutes": 1.0, "epochs": 3},
        "minutes and epochs are both given; give one of them.",
    ),
    (TrainingSettings, {"minutes": 0.0}, "minutes is 0.0; it must be a number of more than 0."),
    (TrainingSettings, {"epochs": 0}, "epochs is 0; it must be a number of at least 1."),
    (TrainingSettings, {"steps": -1}, "steps is -1; it must be a number of at least 1."),
    (TrainingSettings, {"batch_size": 0}, "batch-size is 0; it must be a number of at least 1."),
    (TrainingSettings, {"window": 0}, "window is 0; it must be a number of at least 1."),
    (
        TrainingSettings,
        {"learning_rate": math.nan},
        "lr is nan; it must be a number of more than 0.",
    ),
    (
        TrainingSettings,
        {"optimizer": "adam"},
        "optimizer is 'adam'; allowed: adamw, rmsprop, sgd.",
    ),
    (TrainingSettings, {"schedule": "cosine"}, "schedule is 'cosine'; allowed: linear, constant."),
    (
        TrainingSettings,
        {"weight_decay": -0.1},
        "weight-decay is -0.1; it must be a number of at least 0.",
    ),
    (TrainingSettings, {"clip": 0.0}, "clip-norm is 0.0; it must be a number of more than 0."),
    (
        TrainingSettings,
        {"seed": -1},
        "seed is -1; it must be a number of at least 0 and at most 9223372036854775807.",
    ),
    (TrainingSettings, {"precision": "fp8"}, "precision is 'fp8'; allowed: auto, fp32, bf16."),
    (
        TrainingSettings,
        {"sample_every": 0.0},
        "sample-every is 0.0; it must be a number of more than 0.",
    ),
    (
        TrainingSettings,
        {"temperatures": (0.5, -1.0)},
        "temperature is -1.0; it must be a number of at least 0.",
    ),
    (
        SamplingSettings,
        {"temperature": math.inf},
        "temperature is inf; it must be a number of at least 0.",
    ),
    (
        SamplingSettings,
        {"temperature": -0.5},
        "temperature is -0.5; it must be a number of at least 0.",
    ),
    (SamplingSettings, {"length": 0}, "length is 0; it must be a number of at least 1."),
    (
        SamplingSettings,
        {"stop": ("",)},
        "a stop string is empty; give at least one character.",
    ),
]


@pytest.mark.parametrize(("kind", "values", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_what_is_out_of_range_is_refused_at_once(
    kind: Kind, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        kind(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "settings",
    [
        TextSettings(columns=("title", "2"), label_column="class", valid_fraction=0.1),
        NetworkSettings(input="one-hot", dropout=0.25),
        TrainingSettings(minutes=0.1, prompts=("a", ""), temperatures=(0.0, 1.3)),
        SamplingSettings(stop=("\n\n",), label="Sports"),
    ],
)
def test_settings_survive_json(
    settings: TextSettings | NetworkSettings | TrainingSettings | SamplingSettings,
) -> None:
    assert type(settings).from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_a_setting_of_another_version_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        NetworkSettings.from_json({"hidden": 3, "width": 4})
    assert str(caught.value) == (
        "unknown setting 'width'; known: cell, dropout, hidden, input, layers."
    )


def test_two_minutes_unless_another_budget_is_given() -> None:
    assert TrainingSettings().minutes == 2
    assert TrainingSettings(epochs=3).minutes is None
