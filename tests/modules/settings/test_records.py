"""The base class of settings, with made-up settings: types, messages and the JSON round trip."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from charloom.errors import SettingsError
from charloom.settings import NetworkSettings, SamplingSettings, TextSettings, TrainingSettings
from charloom.settings.declaration import setting, settings_of
from charloom.settings.records import SettingsBase, check_value, matches_type

Colour = Literal["red", "blue"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paint(SettingsBase):
    colour: Colour = setting("red", option="--colour", help="Hue.")
    litres: float = setting(1.0, option="--litres", help="Volume.", above=0)
    coats: int | None = setting(None, option="--coats", help="Layers.", min=1)
    names: tuple[str, ...] = setting((), option="--name", help="Name.")
    shares: tuple[float, ...] = setting((), option="--share", help="Share.", min=0, max=1)
    mixed: Mapping[str, float] = setting({}, option="--mix", help="Mix.")
    size: int | Literal["one-hot"] = setting(3, option="--size", help="Size.", min=1)
    drying_rate: float = setting(0.1, option="--rate", help="Rate.")
    dry: bool = setting(False, option="--dry", help="Dry.")


TYPES: list[tuple[Any, list[object], list[object]]] = [
    (int, [0, -3, 10**400], [True, 1.0, "1", None]),
    (float, [0.5, 3, math.nan, -math.inf], [True, "0.5", None, 1j]),
    (bool, [True, False], [0, 1, None, "True"]),
    (str, ["", "a"], [b"a", 1, None]),
    (int | None, [3, None], [False, 2.5, "3"]),
    (Colour, ["red"], ["green", 1, ["red"], None]),
    (Colour | None, ["blue", None], ["green", 0]),
    (tuple[str, ...], [(), ("a", "b")], ["ab", ("a", 1), ["a"], None]),
    (tuple[float, ...], [(1, 0.5)], [(True,), 0.5, ("1",)]),
    (Mapping[str, float], [{}, {"a": 1, "b": -math.inf}], [{1: 2}, {"a": "1"}, {"a": True}, []]),
    (int | Literal["one-hot"], [64, "one-hot"], ["two-hot", 64.0, True]),
]


@pytest.mark.parametrize(("kind", "right", "wrong"), TYPES, ids=lambda v: str(v)[:30])
def test_values_match_their_annotated_types_only(
    kind: Any, right: list[object], wrong: list[object]
) -> None:
    assert [value for value in right if not matches_type(value, kind)] == []
    assert [value for value in wrong if matches_type(value, kind)] == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": "green"}, "colour is 'green'; allowed: red, blue."),
        ({"litres": "2"}, "litres is '2'; allowed: a number."),
        ({"litres": 0}, "litres is 0; it must be a number of more than 0."),
        ({"litres": math.inf}, "litres is inf; it must be a number of more than 0."),
        ({"coats": 1.5}, "coats is 1.5; allowed: a whole number."),
        ({"coats": 0}, "coats is 0; it must be a number of at least 1."),
        ({"names": "ab"}, "names is 'ab'; allowed: a list of texts, such as ['a', 'b']."),
        ({"shares": ("x",)}, "shares is ('x',); allowed: a list of numbers, such as [0.5, 1]."),
        ({"shares": (0, 2)}, "share is 2; it must be a number of at least 0 and at most 1."),
        ({"mixed": [1]}, "mixed is [1]; allowed: numbers by symbol, such as {'e': -2}."),
        ({"size": "big"}, "size is 'big'; allowed: one-hot, or a size such as 64."),
        ({"size": 0}, "size is 0; it must be a number of at least 1."),
        ({"drying_rate": None}, "rate is None; allowed: a number."),
        ({"dry": 0}, "dry is 0; allowed: True or False."),
    ],
)
def test_a_message_names_the_setting_as_the_command_line_does(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Paint(**values)
    assert str(caught.value) == message


def test_types_are_checked_before_ranges_of_later_fields() -> None:
    with pytest.raises(SettingsError, match="^litres is 0;"):
        Paint(litres=0, dry=0)  # type: ignore[arg-type]


def test_a_single_value_is_checked_under_another_name() -> None:
    fields = settings_of(Paint)
    assert check_value(fields["shares"], [0, 1], "x") == (0, 1)
    with pytest.raises(SettingsError, match=r"^x is -1; it must be a number of at least 0"):
        check_value(fields["shares"], [0, -1], "x")


def test_lists_become_tuples_and_json_restores_the_settings() -> None:
    paint = Paint(names=["a"], shares=[1, 0.5], mixed={"é": -math.inf}, coats=None)  # type: ignore[arg-type]
    assert (paint.names, paint.shares) == (("a",), (1, 0.5))
    assert Paint.from_json(json.loads(json.dumps(paint.to_json()))) == paint


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        Paint.from_json({"coats": 2, "gloss": 1, "age": 3})
    assert str(caught.value) == (
        "unknown setting 'age'; known: coats, colour, dry, drying_rate, litres, mixed, names, "
        "shares, size."
    )


@pytest.mark.parametrize(
    "settings",
    [
        TextSettings(columns=("title", "2"), label_column="class", valid_fraction=0.1),
        NetworkSettings(input="one-hot", dropout=0.25),
        TrainingSettings(minutes=0.1, prompts=("a", ""), temperatures=(0.0, 1.3)),
        SamplingSettings(stop=("\n\n",), label="Sports"),
    ],
)
def test_json_restores_the_settings_of_a_model(settings: SettingsBase) -> None:
    assert type(settings).from_json(json.loads(json.dumps(settings.to_json()))) == settings
