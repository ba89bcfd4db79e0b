"""Conversion of options, without Typer's by pydantic."""

import inspect
from pathlib import Path
from typing import Annotated

import pytest
import typer

from charloom.cli.options.conversion import Conversion, avoid_pydantic
from charloom.cli.options.parsers import parse_int
from charloom.cli.options.shared import option


def command(kind: object, parser: object = None) -> typer.core.TyperCommand:
    """Return a command with an option ``--value`` of a type."""
    declared = option("--value", help="A value.", parser=parser)  # type: ignore[arg-type]

    def run(value: object = None) -> object:
        return value

    parameter = inspect.Parameter(
        "value", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, declared]
    )
    run.__signature__ = inspect.Signature([parameter])  # type: ignore[attr-defined]
    run.__annotations__ = {}
    app = typer.Typer(add_completion=False)
    app.command()(run)
    built = typer.main.get_command(app)
    assert isinstance(built, typer.core.TyperCommand)
    avoid_pydantic(built.params)
    return built


@pytest.mark.parametrize(
    ("kind", "parser", "arguments", "expected"),
    [
        (str | None, None, ["--value", "a"], "a"),
        (str | None, None, [], None),
        (Path | None, None, ["--value", "a/b"], Path("a/b")),
        (int | None, parse_int, ["--value", "7"], 7),
        (list[str] | None, None, ["--value", "a", "--value", "b"], ["a", "b"]),
        (list[str] | None, parse_int, ["--value", "1"], [1]),
    ],
)
def test_values_have_the_declared_type(
    kind: object, parser: object, arguments: list[str], expected: object
) -> None:
    value = command(kind, parser).main(arguments, standalone_mode=False)
    assert value == expected
    assert type(value) is type(expected)


def test_the_message_of_a_parser_names_the_option() -> None:
    with pytest.raises(typer.BadParameter) as caught:
        command(int | None, parse_int).main(["--value", "x"], standalone_mode=False)
    assert caught.value.format_message() == (
        "Invalid value for '--value': 'x' is not a whole number."
    )


def test_other_types_keep_the_conversion_of_typer() -> None:
    [parameter] = command(float | None).params
    assert not isinstance(parameter.get_runtime_param(), Conversion)  # type: ignore[attr-defined]
