"""Records of made-up settings: kinds, ranges and their words, and the JSON round trip."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.errors import SettingsError
from charloom.settings.records import SettingsBase, check_range, matches_type

Colour = Literal["red", "blue"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paint(SettingsBase):
    colour: Colour = "red"
    litres: float = 1.0
    coats: int | None = None
    names: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    mixed: Mapping[str, float] = dataclasses.field(default_factory=dict)
    size: int | Literal["one-hot"] = 3
    learning_rate: float = 0.1
    dry: bool = False


FITTING: list[tuple[Any, list[object], list[object]]] = [
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


@pytest.mark.parametrize(("kind", "right", "wrong"), FITTING, ids=lambda v: str(v)[:30])
def test_what_fits_a_kind(kind: Any, right: list[object], wrong: list[object]) -> None:
    assert [value for value in right if not matches_type(value, kind)] == []
    assert [value for value in wrong if matches_type(value, kind)] == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": "green"}, "colour is 'green'; allowed: red, blue."),
        ({"litres": "2"}, "litres is '2'; allowed: a number."),
        ({"coats": 1.5}, "coats is 1.5; allowed: a whole number."),
        ({"names": "ab"}, "names is 'ab'; allowed: a list of texts, such as ['a', 'b']."),
        ({"shares": ("x",)}, "shares is ('x',); allowed: a list of numbers, such as [0.5, 1]."),
        ({"mixed": [1]}, "mixed is [1]; allowed: numbers by symbol, such as {'e': -2}."),
        ({"size": "big"}, "size is 'big'; allowed: one-hot, or a size such as 64."),
        ({"learning_rate": None}, "lr is None; allowed: a number."),
        ({"dry": 0}, "dry is 0; allowed: True or False."),
    ],
)
def test_what_does_not_fit_is_named_as_the_command_line_names_it(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Paint(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (0, {"low": 1}, "x is 0; it must be a number of at least 1."),
        (0.0, {"low": 0, "open_low": True}, "x is 0.0; it must be a number of more than 0."),
        (2, {"low": 0, "high": 1}, "x is 2; it must be a number of at least 0 and at most 1."),
        (
            1.0,
            {"low": 0, "high": 1, "open_high": True},
            "x is 1.0; it must be a number of at least 0 and less than 1.",
        ),
        (math.nan, {"low": 0}, "x is nan; it must be a number of at least 0."),
        (math.inf, {"low": 0}, "x is inf; it must be a number of at least 0."),
        (-math.inf, {"low": -5}, "x is -inf; it must be a number of at least -5."),
    ],
)
def test_ranges_in_words(value: float, limits: dict[str, Any], message: str) -> None:
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
def test_a_range_holds_what_lies_within(
    value: float, low: int, width: int, open_low: bool, open_high: bool
) -> None:
    high = low + width
    within = low < value < high or (value == low and not open_low)
    within = within or (value == high and not open_high)
    try:
        check_range("x", value, low=low, high=high, open_low=open_low, open_high=open_high)
        assert within
    except SettingsError:
        assert not within


def test_lists_become_tuples_and_json_gives_the_same_record_back() -> None:
    paint = Paint(names=["a"], shares=[1, 0.5], mixed={"é": -math.inf}, coats=None)  # type: ignore[arg-type]
    assert (paint.names, paint.shares) == (("a",), (1, 0.5))
    assert Paint.from_json(json.loads(json.dumps(paint.to_json()))) == paint


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(SettingsError) as caught:
        Paint.from_json({"coats": 2, "gloss": 1, "age": 3})
    assert str(caught.value) == (
        "unknown setting 'age'; known: coats, colour, dry, learning_rate, litres, mixed, names, "
        "shares, size."
    )
