"""Declarations of settings: type, default, range, help text and option.

A settings class declares every field with ``setting``. Its validation, its options on the command
line, its keys in settings files and its JSON schema are derived from these declarations.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

from charloom.errors import SettingsError

AUTOMATIC = "chosen from corpus, budget and machine"
"""Default of settings that ``charloom.runs.auto`` chooses when they are left out."""
_METADATA = "charloom"


class Range(NamedTuple):
    """Limits of a finite number; ``above`` and ``below`` exclude the limit itself."""

    min: float | None = None
    max: float | None = None
    above: float | None = None
    below: float | None = None

    def __contains__(self, value: object) -> bool:
        number = cast(float, value)
        return (
            # An int is finite, and a large one cannot be converted to a float.
            (isinstance(number, int) or math.isfinite(number))
            and (self.min is None or number >= self.min)
            and (self.max is None or number <= self.max)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        words = {"at least": self.min, "more than": self.above}
        words |= {"less than": self.below, "at most": self.max}
        return " and ".join(f"{text} {limit}" for text, limit in words.items() if limit is not None)


class Declaration(NamedTuple):
    """The part of a field's declaration that dataclasses have no place for."""

    help: str
    group: str
    option: str
    metavar: str | None
    default_text: str | None
    range: Range | None
    commas: bool


class Setting(NamedTuple):
    """One field of a settings class, with its type and default."""

    name: str
    type: Any
    default: Any
    declaration: Declaration

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a field that takes one of several words; () for all others."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def is_many(self) -> bool:
        """Whether the field holds several values: a tuple or a mapping."""
        return get_origin(self.type) in (tuple, Mapping)

    @property
    def option_name(self) -> str:
        """The name of the option without dashes; ``clean`` for ``--clean/--no-clean``."""
        return self.declaration.option.partition("/")[0].removeprefix("--")

    @property
    def spelling(self) -> str:
        """The name in messages: that of the option, in most cases.

        A field that holds several values is named after the field: ``temperatures``.
        """
        return self.name.replace("_", "-") if self.is_many else self.option_name

    @property
    def default_text(self) -> str | None:
        """The default as help texts show it; None if there is nothing to show."""
        if self.declaration.default_text is not None:
            return self.declaration.default_text
        if self.default is None or self.default is False or self.default in ((), {}):
            return None
        if self.default is True:
            return self.option_name
        if isinstance(self.default, tuple):
            return ", ".join(f"{value:g}" for value in self.default)
        return str(self.default)


def setting(
    default: Any,
    *,
    help: str,
    group: str = "Options",
    option: str,
    metavar: str | None = None,
    default_text: str | None = None,
    commas: bool = False,
    hashed: bool = True,
    **limits: float,
) -> Any:
    """Declare a field of a settings class.

    ``option`` is the option of the command line, ``--clean/--no-clean`` for one that can be
    switched off. ``default_text`` replaces the default in help texts. With ``commas``, one value of
    the option may hold several. A field that may hold a mapping is not ``hashed``. ``limits`` are
    the ``min``, ``max``, ``above`` and ``below`` of a ``Range``; they apply to each number of a
    field that holds several.
    """
    declaration = Declaration(
        help=help,
        group=group,
        option=option,
        metavar=metavar,
        default_text=default_text,
        range=Range(**limits) if limits else None,
        commas=commas,
    )
    metadata = {_METADATA: declaration}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, hash=False, metadata=metadata)
    return dataclasses.field(default=default, hash=None if hashed else False, metadata=metadata)


def settings_of(kind: type) -> Mapping[str, Setting]:
    """Return the declared fields of a settings class by name."""
    return _settings_of(cast(Any, kind))


@functools.cache
def _settings_of(kind: Any) -> Mapping[str, Setting]:
    types = get_type_hints(kind)
    return {
        field.name: Setting(
            name=field.name,
            type=types[field.name],
            default=_default(field),
            declaration=field.metadata[_METADATA],
        )
        for field in dataclasses.fields(kind)
    }


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def check_range(name: str, value: float, **limits: float) -> None:
    """Raise SettingsError unless ``value`` is in the ``Range`` with these limits."""
    if value not in Range(**limits):
        raise SettingsError(f"{name} is {value}; it must be a number of {Range(**limits)}.")
