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
    (
        TextSettings,
        {"columns": "title"},
        "columns is 'title'; allowed: a list of texts, such as ['a', 'b'].",
    ),
    (
        TextSettings,
        {"columns": (2,)},
        "columns is (2,); allowed: a list of texts, such as ['a', 'b'].",
    ),
    (TextSettings, {"label_column": 3}, "label-column is 3; allowed: a text."),
    (TextSettings, {"header": "yes"}, "header is 'yes'; allowed: True or False."),
    (TextSettings, {"clean": 1}, "clean is 1; allowed: True or False."),
    (TextSettings, {"level": ["char"]}, "level is ['char']; allowed: char, byte, grapheme, word."),
    (NetworkSettings, {"hidden": 8.5}, "hidden is 8.5; allowed: a whole number."),
    (NetworkSettings, {"hidden": "8"}, "hidden is '8'; allowed: a whole number."),
    (NetworkSettings, {"layers": True}, "layers is True; allowed: a whole number."),
    (NetworkSettings, {"input": 8.5}, "input is 8.5; allowed: one-hot, or a size such as 64."),
    (TrainingSettings, {"epochs": 2.5}, "epochs is 2.5; allowed: a whole number."),
    (TrainingSettings, {"learning_rate": "0.1"}, "lr is '0.1'; allowed: a number."),
    (TrainingSettings, {"clip": True}, "clip-norm is True; allowed: a number."),
    (
        TrainingSettings,
        {"temperatures": 0.5},
        "temperatures is 0.5; allowed: a list of numbers, such as [0.5, 1].",
    ),
    (
        TrainingSettings,
        {"prompts": "Hey"},
        "prompts is 'Hey'; allowed: a list of texts, such as ['a', 'b'].",
    ),
    (SamplingSettings, {"length": 2.5}, "length is 2.5; allowed: a whole number."),
    (SamplingSettings, {"temperature": None}, "temperature is None; allowed: a number."),
    (
        SamplingSettings,
        {"seed": "x" * 1000},
        f"seed is '{'x' * 79}; allowed: a whole number.",
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


def test_a_list_is_taken_for_a_tuple() -> None:
    given: Any = {"prompts": ["a"], "temperatures": [0, 0.5]}
    assert TrainingSettings(**given) == TrainingSettings(prompts=("a",), temperatures=(0, 0.5))


def test_whole_numbers_are_numbers_of_any_size() -> None:
    assert TrainingSettings(minutes=3).minutes == 3
    assert TrainingSettings(steps=10**400).steps == 10**400


def test_texts_have_the_seeds_after_the_first_one() -> None:
    assert list(SamplingSettings(seed=5).seeds(3)) == [5, 6, 7]
    last = SamplingSettings(seed=2**63 - 1)
    assert list(last.seeds(1)) == [2**63 - 1]
    with pytest.raises(SettingsError) as caught:
        last.seeds(300)
    assert str(caught.value) == (
        "seed is 9223372036854775807, and each of 300 texts takes the next one; "
        "it must be at most 9223372036854775508."
    )


@pytest.mark.parametrize("n", [0, -1, 2.0, True, "3"])
def test_there_is_a_whole_number_of_texts(n: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingSettings().seeds(n)
    assert str(caught.value) == f"n is {n!r}; it must be a whole number of at least 1."
