"""The base class of settings, which checks values and converts to JSON."""

import dataclasses
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, cast, get_args, get_origin

from charloom.errors import SettingsError
from charloom.settings.declaration import Setting, check_range, settings_of
from charloom.settings.label_mixture import Label

_ALLOWED: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple[str, ...]: "a list of texts, such as ['a', 'b']",
    tuple[float, ...]: "a list of numbers, such as [0.5, 1]",
    Mapping[str, float]: "numbers by symbol, such as {'e': -2}",
    int | Literal["one-hot"]: "one-hot, or a size such as 64",
    Label: "a text, or weights by label such as {'France': 0.5, 'Spain': 0.5}",
    int | Literal["none", "embedding"]: "none, embedding, or a number of lower layers, such as 1",
}
"""Descriptions of types in messages."""


def matches_type(value: object, kind: Any) -> bool:
    """Return whether ``value`` has the annotated type ``kind``.

    A bool is not a number, and an int is a float.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(matches_type(value, argument) for argument in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and all(matches_type(item, arguments[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            matches_type(key, arguments[0]) and matches_type(item, arguments[1])
            for key, item in value.items()
        )
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _allowed_values(kind: Any) -> str:
    """Describe the values of an annotated type, without None."""
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    required = [argument for argument in get_args(kind) if argument is not NoneType]
    return _ALLOWED[kind] if kind in _ALLOWED else _allowed_values(required[0])


def check_value(setting: Setting, value: Any, name: str | None = None) -> Any:
    """Return ``value``, as a tuple if it is a list and the setting holds a tuple.

    A scalar or array of NumPy is converted to Python's numbers.
    Raises SettingsError if type or range of the value are wrong. The message uses ``name``; by
    default the setting is named after its option.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list) and get_origin(setting.type) is tuple:
        value = tuple(value)
    if not matches_type(value, setting.type):
        raise SettingsError(
            f"{name or setting.spelling} is {value!r:.80}; "
            f"allowed: {_allowed_values(setting.type)}."
        )
    if setting.declaration.range is not None:
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float):
                limits = setting.declaration.range._asdict()
                check_range(name or setting.option_name, number, **limits)
    return value


class SettingsBase:
    """A frozen dataclass of settings, each field declared by ``setting``.

    Construction checks the type and range of every field and raises SettingsError. A list is
    accepted for a tuple, and converted.
    """

    def __post_init__(self) -> None:
        for name, setting in settings_of(type(self)).items():
            value = getattr(self, name)
            if (checked := check_value(setting, value)) is not value:
                object.__setattr__(self, name, checked)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        return dataclasses.asdict(cast(Any, self))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the settings of a JSON object; raises SettingsError for an unknown name."""
        known = settings_of(cls)
        unknown = sorted(set(record) - set(known))
        if unknown:
            raise SettingsError(
                f"unknown setting {unknown[0]!r}; known: {', '.join(sorted(known))}."
            )
        return cls(**record)
