"""What settings are made of: records whose values are checked at once, with a JSON round trip.

A value of the wrong kind or out of range raises SettingsError, with what was seen and what is
allowed.
"""

import dataclasses
import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, cast, get_args, get_origin, get_type_hints

from charloom.errors import SettingsError

# What may be given for a kind of field, in words.
_ALLOWED: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple[str, ...]: "a list of texts, such as ['a', 'b']",
    tuple[float, ...]: "a list of numbers, such as [0.5, 1]",
    Mapping[str, float]: "numbers by symbol, such as {'e': -2}",
    int | Literal["one-hot"]: "one-hot, or a size such as 64",
}
# Fields that the command line calls by a shorter or longer name.
_NAMES = {"learning_rate": "lr", "clip": "clip-norm"}


def matches_type(value: object, kind: Any) -> bool:
    """Return whether ``value`` is of an annotated kind; True and False are no numbers."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(matches_type(value, argument) for argument in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and all(matches_type(each, arguments[0]) for each in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            matches_type(key, arguments[0]) and matches_type(each, arguments[1])
            for key, each in value.items()
        )
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def option_name(name: str) -> str:
    """Return how messages name a field: as the command line names its option."""
    return _NAMES.get(name, name.replace("_", "-"))


def _allowed_values(kind: Any) -> str:
    """Return in words what fits an annotated kind; that it may be left out needs no word."""
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    given = [argument for argument in get_args(kind) if argument is not NoneType]
    return _ALLOWED[kind] if kind in _ALLOWED else _allowed_values(given[0])


def check_range(
    name: str,
    value: float,
    *,
    low: float,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Refuse a number that is not finite or not between ``low`` and ``high``."""
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    # A whole number of any size is finite, and the largest ones are no float.
    if not (isinstance(value, int) or math.isfinite(value)) or below or above:
        least = f"more than {low:g}" if open_low else f"at least {low:g}"
        most = f" and {'less than' if open_high else 'at most'} {high}"
        allowed = least + (most if math.isfinite(high) else "")
        raise SettingsError(f"{name} is {value}; it must be a number of {allowed}.")


class SettingsBase:
    """What settings share: each value is of its field's kind, and a JSON round trip.

    A list is taken where a tuple is meant, and becomes one.
    """

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, list) and get_origin(kind) is tuple:
                value = tuple(value)
                object.__setattr__(self, name, value)
            if not matches_type(value, kind):
                raise SettingsError(
                    f"{option_name(name)} is {value!r:.80}; allowed: {_allowed_values(kind)}."
                )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        return dataclasses.asdict(cast(Any, self))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the settings that ``to_json`` gave; raises SettingsError for a name not known."""
        known = {field.name for field in dataclasses.fields(cast(Any, cls))}
        strange = sorted(set(record) - known)
        if strange:
            raise SettingsError(
                f"unknown setting {strange[0]!r}; known: {', '.join(sorted(known))}."
            )
        return cls(**record)
