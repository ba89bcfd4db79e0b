"""Convert options and arguments without pydantic.

Typer converts by pydantic, which takes a tenth of a second to import.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import typer

_CONVERTERS: Final[dict[Any, Callable[[str], object]]] = {
    bool: bool,
    Path: Path,
    str: str,
    list[str]: str,
}
"""Conversions of a string by the type of a parameter that has no parser."""


def avoid_pydantic(parameters: list[Any]) -> list[Any]:
    """Return a command's parameters, converted by this module where it knows the type."""
    for parameter in parameters:
        kind = parameter.type_descriptor
        convert = kind.parameter_info.parser or _CONVERTERS.get(kind.annotation)
        if convert is not None:
            parameter._runtime_param = Conversion(convert)  # Typer sets it at its first use
    return parameters


@dataclasses.dataclass(frozen=True, slots=True)
class Conversion:
    """Typer's interface of a conversion."""

    convert: Callable[[str], object]
    """Returns the value of a string; raises ValueError for a mistake of the user."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value of an option, or a list of values if it can be repeated.

        An option that is left out is None, or () if it can be repeated.
        """
        repeated = param.multiple or param.nargs == -1
        if value is None:
            return () if repeated else None
        try:
            return [self.convert(text) for text in value] if repeated else self.convert(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error
