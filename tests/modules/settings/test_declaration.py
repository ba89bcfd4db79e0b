import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.errors import SettingsError
from charloom.settings.declaration import Range, Setting, check_range, setting, settings_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paint:
    colour: Literal["red", "blue"] = setting("red", option="--colour", help="Hue.")
    names: tuple[str, ...] = setting((), option="--name", help="Name.", commas=True)
    parts: tuple[float, ...] = setting((0.5, 2.0), option="--part", help="Part.", above=0)
    mixed: Mapping[str, float] = setting({}, option="--mix", help="Mix.")
    drying_hours: float = setting(1.0, option="--hours", group="Time", help="Hours.", min=0, max=9)
    dry: bool = setting(True, option="--dry/--wet", help="Dry.")
    glossy: bool = setting(False, option="--glossy", help="Glossy.")
    price: int | None = setting(
        None, option="--price", metavar="EUROS", help="Price.", default_text="by weight"
    )


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (0, {"min": 1}, "x is 0; it must be a number of at least 1."),
        (0.0, {"above": 0}, "x is 0.0; it must be a number of more than 0."),
        (2, {"min": 0, "max": 1}, "x is 2; it must be a number of at least 0 and at most 1."),
        (
            1.0,
            {"min": 0, "below": 1},
            "x is 1.0; it must be a number of at least 0 and less than 1.",
        ),
        (math.nan, {"min": 0}, "x is nan; it must be a number of at least 0."),
        (math.inf, {"min": 0}, "x is inf; it must be a number of at least 0."),
        (-math.inf, {"min": -5}, "x is -inf; it must be a number of at least -5."),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range(
    value: float, limits: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        check_range("x", value, **limits)
    assert str(caught.value) == message


@given(
    value=st.one_of(st.floats(), st.integers()),
    low=st.integers(-5, 5),
    width=st.integers(1, 5),
    open_low=st.booleans(),
    open_high=st.booleans(),
)
def test_a_range_contains_the_numbers_within_its_limits(
    value: float, low: int, width: int, open_low: bool, open_high: bool
) -> None:
    high = low + width
    within = low < value < high or (value == low and not open_low)
    within = within or (value == high and not open_high)
    limits = {"above" if open_low else "min": low, "below" if open_high else "max": high}
    assert (value in Range(**limits)) == within


def test_integers_too_large_for_a_float_are_in_an_open_range() -> None:
    assert 10**400 in Range(min=1)


def test_the_fields_have_their_types_and_defaults() -> None:
    fields = settings_of(Paint)
    assert list(fields) == [field.name for field in dataclasses.fields(Paint)]
    assert {name: field.default for name, field in fields.items()} == dataclasses.asdict(Paint())
    assert fields["price"].type == int | None
    assert fields["colour"].choices == ("red", "blue")
    assert fields["dry"].choices == fields["names"].choices == ()
    assert fields["drying_hours"].declaration.range == Range(min=0, max=9)
    assert fields["dry"].declaration.range is None


def test_two_objects_do_not_share_a_default_mapping() -> None:
    assert Paint().mixed == {}
    assert Paint().mixed is not Paint().mixed


def test_messages_name_the_option_but_the_field_if_it_holds_several_values() -> None:
    spellings = {name: field.spelling for name, field in settings_of(Paint).items()}
    assert spellings == {
        "colour": "colour",
        "names": "names",
        "parts": "parts",
        "mixed": "mixed",
        "drying_hours": "hours",
        "dry": "dry",
        "glossy": "glossy",
        "price": "price",
    }


def test_defaults_are_shown_as_a_user_would_type_them() -> None:
    shown = {name: field.default_text for name, field in settings_of(Paint).items()}
    assert shown == {
        "colour": "red",
        "names": None,
        "parts": "0.5, 2",
        "mixed": None,
        "drying_hours": "1.0",
        "dry": "dry",
        "glossy": None,
        "price": "by weight",
    }


def test_a_field_without_a_declaration_is_a_mistake_of_the_program() -> None:
    @dataclasses.dataclass
    class Undeclared:
        size: int = 3

    with pytest.raises(KeyError):
        settings_of(Undeclared)


def test_a_zero_is_a_default_to_show() -> None:
    assert Setting("n", int, 0, settings_of(Paint)["price"].declaration).default_text == "by weight"
    declared = settings_of(Paint)["drying_hours"].declaration
    assert Setting("n", int, 0, declared).default_text == "0"
