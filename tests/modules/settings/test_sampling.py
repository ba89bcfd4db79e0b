import dataclasses
import json
import math
from typing import Any, get_type_hints

import pytest

from charloom.errors import SettingsError
from charloom.settings import SamplingOptions, SamplingSettings

REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"temperature": math.inf},
        "temperature is inf; it must be a number of at least 0.",
    ),
    (
        {"temperature": -0.5},
        "temperature is -0.5; it must be a number of at least 0.",
    ),
    (
        {"length": 0},
        "length is 0; it must be a number of at least 1.",
    ),
    (
        {"stop": ("",)},
        "a stop string is empty; give at least one character.",
    ),
    (
        {"length": 2.5},
        "length is 2.5; allowed: a whole number.",
    ),
    (
        {"seed": "x" * 1000},
        f"seed is '{'x' * 79}; allowed: a whole number.",
    ),
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
    ({"forbid": ("a", "")}, "a forbidden string is empty; give at least one character."),
    ({"forbid": "end"}, "forbid is 'end'; allowed: a list of texts, such as ['a', 'b']."),
    (
        {"forbid": ("a",), "forbid_whole_words": 1},
        "forbid-whole-words is 1; allowed: True or False.",
    ),
    (
        {"forbid": ("a",), "forbid_ignore_case": None},
        "forbid-ignore-case is None; allowed: True or False.",
    ),
    ({"novel_file": "x"}, "novel-file is 'x'; allowed: a list of texts, such as ['a', 'b']."),
    (
        {"label": 3},
        "label is 3; allowed: a text, or weights by label such as {'France': 0.5, 'Spain': 0.5}.",
    ),
    ({"novel": 1}, "novel is 1; allowed: True or False."),
    ({"unique": "yes"}, "unique is 'yes'; allowed: True or False."),
    ({"novel": True, "tries": 2.5}, "tries is 2.5; allowed: a whole number."),
    ({"beam": True}, "beam is True; allowed: a whole number."),
    ({"beam": 2, "length_penalty": "1"}, "length-penalty is '1'; allowed: a number."),
]
"""Values of a wrong type or out of range, and the messages."""

GREEDY = "at temperature 0, which always takes the best symbol"
BEAM = "with beam, which draws nothing at random"
ALL_DIFFERENT = "with beam, whose texts are all different"


def no_effect(option: str, condition: str) -> str:
    return f"{option} was given {condition}; there it has no effect: leave it out."


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
    (
        {"match_by": "trial"},
        "match-by was given as trial without match; there it has no effect: leave it out.",
    ),
    (
        {"match": "a", "match_by": "trial", "beam": 2},
        "match-by trial and beam contradict each other: a beam search tries each text once; use "
        "--match-by mask.",
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
    (
        {"tries": 3},
        no_effect("tries", "without novel, novel-file, unique, accepted-only or match-by trial"),
    ),
    ({"forbid_whole_words": True}, no_effect("forbid-whole-words", "without forbid")),
    ({"forbid_ignore_case": True}, no_effect("forbid-ignore-case", "without forbid")),
    (
        {"forbid": ("cat",), "forbid_whole_words": True, "stop": ("\n", "s!")},
        "forbid-whole-words and the stop string 's!' contradict each other: a text that is cut "
        "within a word could end with a forbidden one; begin the stop string with another "
        "character, or leave one of them out.",
    ),
]
"""Settings that exclude each other or have no effect, and the messages."""

VALID: list[SamplingSettings] = [
    SamplingSettings(),
    SamplingSettings(temperature=None, length=1, min_length=1),
    SamplingSettings(temperature=0, repetition_penalty=1.3, repetition_span=256, bias={"e": -2}),
    SamplingSettings(top_k=1, top_p=1, min_p=0, repetition_penalty=0.5),
    SamplingSettings(top_k=10**30, top_p=1e-9, min_p=1.0, bias={"<eos>": -math.inf, "é": 0.5}),
    SamplingSettings(match="K[a-z]{4,6}a", min_length=3, length=9, novel=True, unique=True),
    SamplingSettings(unique=True, tries=1, stop=("\n\n", "."), seed=2**63 - 1, label="Sports"),
    SamplingSettings(forbid=("a", "b c"), forbid_whole_words=True, stop=("\n", "-s")),
    SamplingSettings(forbid=("a",), forbid_ignore_case=True, match="b+", stop=(), beam=2),
    SamplingSettings(novel_file=("names.txt",), tries=3),
    SamplingSettings(beam=1),
    SamplingSettings(beam=5, length_penalty=0, novel=True, temperature=1.0, min_length=2),
    SamplingSettings(beam=5, length_penalty=1.5, stop=("a",), bias={"b": 10**400}),
]
"""Every setting, at the limits of its range, with others that it allows."""


@pytest.mark.parametrize(("values", "message"), REFUSED + CONTRADICTIONS)
def test_wrong_values_and_combinations_are_refused_with_the_reason(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingSettings(**values)
    assert str(caught.value) == message


def test_the_default_temperature_of_a_beam_search_is_1() -> None:
    assert SamplingSettings().temperature == 0.8
    assert SamplingSettings(temperature=None).temperature == 0.8
    assert SamplingSettings(beam=3).temperature == 1


@pytest.mark.parametrize("settings", VALID, ids=range(len(VALID)))
def test_valid_settings_remain_valid_when_seed_or_label_is_replaced(
    settings: SamplingSettings,
) -> None:
    """Commands replace them for each text; filled-in defaults cause no contradiction."""
    assert dataclasses.replace(settings) == settings
    changed = dataclasses.replace(settings, seed=7, label="x")
    assert (changed.seed, changed.label) == (7, "x")
    assert dataclasses.replace(changed, seed=settings.seed, label=settings.label) == settings
    assert hash(dataclasses.replace(settings)) == hash(settings)
    assert SamplingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_changing_a_mapping_does_not_change_the_settings_made_from_it() -> None:
    given = {"e": -2.0}
    settings = SamplingSettings(bias=given)
    given["e"] = math.nan
    assert settings.bias == {"e": -2.0}


def test_the_options_of_the_library_are_the_fields() -> None:
    assert set(get_type_hints(SamplingOptions)) == {
        field.name for field in dataclasses.fields(SamplingSettings)
    }


def test_each_further_text_has_the_next_seed() -> None:
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
def test_a_number_of_texts_below_one_or_not_whole_is_refused(n: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingSettings().seeds(n)
    assert str(caught.value) == f"n is {n!r}; it must be a whole number of at least 1."


def test_more_texts_than_seeds_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingSettings().seeds(10**20)
    assert str(caught.value) == (
        "n is 100000000000000000000; it must be at most 9223372036854775807."
    )
