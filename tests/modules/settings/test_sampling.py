import dataclasses
import json
import math
from typing import Any, get_type_hints

import pytest

from charloom.errors import SettingsError
from charloom.settings import (
    NetworkSettings,
    SamplingOptions,
    SamplingSettings,
    TextSettings,
    TrainingSettings,
)

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
        "optimizer is 'adam'; allowed: muon, adamw, rmsprop, sgd.",
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
    (
        SamplingSettings,
        {"seed": "x" * 1000},
        f"seed is '{'x' * 79}; allowed: a whole number.",
    ),
]

RANGES: list[tuple[dict[str, Any], str]] = [
    ({"min_length": -1}, "min-length is -1; it must be a number of at least 0."),
    ({"top_k": 0}, "top-k is 0; it must be a number of at least 1."),
    ({"top_k": -3}, "top-k is -3; it must be a number of at least 1."),
    ({"top_p": 0.0}, "top-p is 0.0; it must be a number of more than 0 and at most 1."),
    ({"top_p": 1.5}, "top-p is 1.5; it must be a number of more than 0 and at most 1."),
    ({"top_p": math.nan}, "top-p is nan; it must be a number of more than 0 and at most 1."),
    ({"min_p": -0.1}, "min-p is -0.1; it must be a number of at least 0 and at most 1."),
    ({"min_p": 1.01}, "min-p is 1.01; it must be a number of at least 0 and at most 1."),
    ({"repetition_penalty": 0.0}, "repetition-penalty is 0.0; it must be a number of more than 0."),
    (
        {"repetition_penalty": math.inf},
        "repetition-penalty is inf; it must be a number of more than 0.",
    ),
    (
        {"repetition_penalty": 1.2, "repetition_span": 0},
        "repetition-span is 0; it must be a number of at least 1 and at most 256.",
    ),
    (
        {"repetition_penalty": 1.2, "repetition_span": 257},
        "repetition-span is 257; it must be a number of at least 1 and at most 256.",
    ),
    ({"novel": True, "tries": 0}, "tries is 0; it must be a number of at least 1."),
    ({"beam": 0}, "beam is 0; it must be a number of at least 1 and at most 10000."),
    ({"beam": 10_001}, "beam is 10001; it must be a number of at least 1 and at most 10000."),
    ({"beam": 2, "length_penalty": -1}, "length-penalty is -1; it must be a number of at least 0."),
    (
        {"beam": 2, "length_penalty": math.inf},
        "length-penalty is inf; it must be a number of at least 0.",
    ),
    (
        {"seed": -1},
        "seed is -1; it must be a number of at least 0 and at most 9223372036854775807.",
    ),
    (
        {"seed": 2**63},
        "seed is 9223372036854775808; "
        "it must be a number of at least 0 and at most 9223372036854775807.",
    ),
    (
        {"bias": {"e": math.nan}},
        "the bias of 'e' is nan; it must be a number, or -inf to forbid the symbol.",
    ),
    (
        {"bias": {"a": 1, "e": math.inf}},
        "the bias of 'e' is inf; it must be a number, or -inf to forbid the symbol.",
    ),
    ({"stop": ("a", "")}, "a stop string is empty; give at least one character."),
    (
        {"match": ""},
        "the expression to match is empty, and only the empty text would match it; "
        "give one such as 'K[a-z]+'.",
    ),
]
"""Options of sampling out of their range, and what is said of them."""

KINDS: list[tuple[dict[str, Any], str]] = [
    ({"top_k": True}, "top-k is True; allowed: a whole number."),
    ({"top_k": 2.0}, "top-k is 2.0; allowed: a whole number."),
    ({"top_p": "0.9"}, "top-p is '0.9'; allowed: a number."),
    ({"min_p": False}, "min-p is False; allowed: a number."),
    ({"min_length": None}, "min-length is None; allowed: a whole number."),
    ({"repetition_penalty": [1.2]}, "repetition-penalty is [1.2]; allowed: a number."),
    ({"repetition_span": 1.0}, "repetition-span is 1.0; allowed: a whole number."),
    ({"bias": ["e"]}, "bias is ['e']; allowed: numbers by symbol, such as {'e': -2}."),
    ({"bias": None}, "bias is None; allowed: numbers by symbol, such as {'e': -2}."),
    ({"bias": {"e": "2"}}, "bias is {'e': '2'}; allowed: numbers by symbol, such as {'e': -2}."),
    ({"bias": {"e": True}}, "bias is {'e': True}; allowed: numbers by symbol, such as {'e': -2}."),
    ({"bias": {2: -1}}, "bias is {2: -1}; allowed: numbers by symbol, such as {'e': -2}."),
    ({"stop": "end"}, "stop is 'end'; allowed: a list of texts, such as ['a', 'b']."),
    ({"match": b"a"}, "match is b'a'; allowed: a text."),
    ({"label": 3}, "label is 3; allowed: a text."),
    ({"novel": 1}, "novel is 1; allowed: True or False."),
    ({"unique": "yes"}, "unique is 'yes'; allowed: True or False."),
    ({"novel": True, "tries": 2.5}, "tries is 2.5; allowed: a whole number."),
    ({"beam": True}, "beam is True; allowed: a whole number."),
    ({"beam": 2, "length_penalty": "1"}, "length-penalty is '1'; allowed: a number."),
]

GREEDY = "at temperature 0, which always takes the best symbol"
BEAM = "with beam, which draws nothing at random"
ALL_DIFFERENT = "with beam, whose texts are all different"


def no_effect(option: str, where: str) -> str:
    return f"{option} was given {where}; there it has no effect: leave it out."


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"min_length": 6, "length": 5},
        "min-length 6 is more than length 5; lower one or raise the other.",
    ),
    ({"min_length": 501}, "min-length 501 is more than length 500; lower one or raise the other."),
    (
        {"match": "a+", "stop": ("b",)},
        "match and stop contradict each other: "
        "a text that is cut matches no more; give one of them.",
    ),
    ({"temperature": 0, "top_k": 3}, no_effect("top-k", GREEDY)),
    ({"temperature": 0.0, "top_p": 0.5}, no_effect("top-p", GREEDY)),
    ({"temperature": 0, "min_p": 0.5}, no_effect("min-p", GREEDY)),
    ({"temperature": 0, "min_p": 0}, no_effect("min-p", GREEDY)),
    ({"beam": 2, "top_k": 3}, no_effect("top-k", BEAM)),
    ({"beam": 2, "top_p": 0.5}, no_effect("top-p", BEAM)),
    ({"beam": 2, "min_p": 0.0}, no_effect("min-p", BEAM)),
    ({"beam": 2, "repetition_penalty": 1.2}, no_effect("repetition-penalty", BEAM)),
    (
        {"beam": 2, "temperature": 0.5},
        "beam and temperature 0.5 contradict each other: "
        "a beam search draws nothing at random; give one of them.",
    ),
    (
        {"beam": 2, "temperature": 0},
        "beam and temperature 0 contradict each other: "
        "a beam search draws nothing at random; give one of them.",
    ),
    (
        {"beam": 2, "temperature": 10**400},
        f"beam and temperature {10**400} contradict each other: "
        "a beam search draws nothing at random; give one of them.",
    ),
    ({"beam": 2, "unique": True}, no_effect("unique", ALL_DIFFERENT)),
    ({"beam": 2, "novel": True, "tries": 3}, no_effect("tries", ALL_DIFFERENT)),
    ({"repetition_span": 3}, no_effect("repetition-span", "without repetition-penalty")),
    ({"length_penalty": 0.5}, no_effect("length-penalty", "without beam")),
    ({"length_penalty": 0}, no_effect("length-penalty", "without beam")),
    ({"tries": 3}, no_effect("tries", "without novel or unique")),
]

VALID: list[SamplingSettings] = [
    SamplingSettings(),
    SamplingSettings(temperature=None, length=1, min_length=1),
    SamplingSettings(temperature=0, repetition_penalty=1.3, repetition_span=256, bias={"e": -2}),
    SamplingSettings(top_k=1, top_p=1, min_p=0, repetition_penalty=0.5),
    SamplingSettings(top_k=10**30, top_p=1e-9, min_p=1.0, bias={"<eos>": -math.inf, "é": 0.5}),
    SamplingSettings(match="K[a-z]{4,6}a", min_length=3, length=9, novel=True, unique=True),
    SamplingSettings(unique=True, tries=1, stop=("\n\n", "."), seed=2**63 - 1, label="Sports"),
    SamplingSettings(beam=1),
    SamplingSettings(beam=5, length_penalty=0, novel=True, temperature=1.0, min_length=2),
    SamplingSettings(beam=5, length_penalty=1.5, stop=("a",), bias={"b": 10**400}),
]
"""Every option, at the edges of its range, in company that is allowed."""


@pytest.mark.parametrize(("kind", "values", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_what_is_out_of_range_is_refused_at_once(
    kind: Kind, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        kind(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize(("values", "message"), RANGES + KINDS + CONTRADICTIONS)
def test_what_sampling_refuses(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingSettings(**values)
    assert str(caught.value) == message


def test_the_temperature_is_that_of_a_draw_or_of_a_search() -> None:
    assert SamplingSettings().temperature == 0.8
    assert SamplingSettings(temperature=None).temperature == 0.8
    assert SamplingSettings(beam=3).temperature == 1


@pytest.mark.parametrize("settings", VALID, ids=range(len(VALID)))
def test_valid_sampling_settings_can_be_taken_over(settings: SamplingSettings) -> None:
    """As commands do for each prompt, label and seed: what was filled in contradicts nothing."""
    assert dataclasses.replace(settings) == settings
    changed = dataclasses.replace(settings, seed=7, label="x")
    assert (changed.seed, changed.label) == (7, "x")
    assert dataclasses.replace(changed, seed=settings.seed, label=settings.label) == settings
    assert hash(dataclasses.replace(settings)) == hash(settings)
    assert SamplingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_settings_keep_a_bias_of_their_own() -> None:
    given = {"e": -2.0}
    settings = SamplingSettings(bias=given)
    given["e"] = math.nan
    assert settings.bias == {"e": -2.0}


def test_all_settings_can_be_given_as_options() -> None:
    assert set(get_type_hints(SamplingOptions)) == {
        field.name for field in dataclasses.fields(SamplingSettings)
    }


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


def test_there_are_no_more_texts_than_seeds() -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingSettings().seeds(10**20)
    assert str(caught.value) == (
        "n is 100000000000000000000; it must be at most 9223372036854775807."
    )
