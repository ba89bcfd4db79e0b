"""Weights by label are checked, and divided by their sum once."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.errors import SettingsError
from charloom.settings import SamplingSettings, json_schema
from charloom.settings.label_mixture import format_label, normalize_weights

weights = st.dictionaries(
    st.text(max_size=3), st.floats(1e-9, 1e9) | st.integers(1, 10**6), min_size=1, max_size=9
)


@given(weights)
def test_weights_keep_their_ratios_and_their_sum_is_one(given_weights: dict[str, float]) -> None:
    result = normalize_weights(given_weights)
    total = math.fsum(given_weights.values())
    assert list(result) == list(given_weights)
    assert result == pytest.approx({k: w / total for k, w in given_weights.items()}, rel=1e-14)
    assert math.fsum(result.values()) == 1
    assert normalize_weights(result) == result, "settings are checked again by every replace"


def test_one_label_has_the_weight_one() -> None:
    for weight in (1, 0.3, 7, 1e308, 5e-324):
        assert normalize_weights({"x": weight}) == {"x": 1.0}


def test_sums_that_overflow_are_no_problem() -> None:
    assert normalize_weights({"x": 1e308, "y": 1e308}) == {"x": 0.5, "y": 0.5}


WEIGHT = "the weight of label 'y' is {}; it must be a finite number above 0."


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            {},
            "label is {}; give a label, or weights by label such as {'France': 0.5, 'Spain': 0.5}.",
        ),
        ({"x": 1, "y": 0}, WEIGHT.format(0)),
        ({"x": 1, "y": -0.5}, WEIGHT.format(-0.5)),
        ({"x": 1, "y": math.nan}, WEIGHT.format("nan")),
        ({"x": 1, "y": math.inf}, WEIGHT.format("inf")),
        ({"x": 1, "y": 10**400}, WEIGHT.format(10**400)),
        (
            {"x": 1e308, "y": 1e-308},
            "the weight of label 'y' is 1e-308, which is nothing beside 1e+308 of 'x'; leave the "
            "label out.",
        ),
        (
            {"x": "1"},
            "label is {'x': '1'}; allowed: a text, or weights by label such as {'France': 0.5, "
            "'Spain': 0.5}.",
        ),
    ],
)
def test_wrong_weights_are_refused(label: Mapping[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        SamplingSettings(label=label)
    assert str(error.value) == message


def test_settings_hold_weights_of_sum_one() -> None:
    settings = SamplingSettings(label={"x": 3, "y": 1})
    assert settings.label == {"x": 0.75, "y": 0.25}
    assert settings.to_json()["label"] == {"x": 0.75, "y": 0.25}
    assert SamplingSettings.from_json(settings.to_json()) == settings
    assert hash(settings) == hash(SamplingSettings(label={"x": 3, "y": 1}))


def test_the_schema_allows_a_label_and_weights() -> None:
    schema = json_schema(SamplingSettings)["properties"]["label"]["anyOf"]
    weights = {"type": "object", "additionalProperties": {"type": "number"}}
    assert schema == [{"type": "string"}, weights, {"type": "null"}]


def test_labels_as_the_command_line_takes_them() -> None:
    assert format_label(None) == ""
    assert format_label("x=1") == "x=1"
    assert format_label({"x": 0.75, "a,b": 0.25}) == "x=0.75,a,b=0.25"
