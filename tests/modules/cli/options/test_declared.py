"""Commands with options from made-up declarations and records, run by Typer."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from charloom.cli.options.declared import SettingOptions, select, setting_option, takes_options
from charloom.cli.options.shared import option
from charloom.settings.declaration import setting
from charloom.settings.records import SettingsBase


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paint(SettingsBase):
    colour: Literal["red", "blue"] = setting("red", option="--colour", help="Hue.")
    litres: float = setting(1.0, option="--litres", metavar="LITRES", help="Volume.")
    coats: int | None = setting(None, option="--coats", metavar="COUNT", help="Layers.")
    names: tuple[str, ...] = setting((), option="--name", commas=True, help="Name.")
    parts: tuple[float, ...] = setting((0.5,), option="--part", help="Part.")
    mixed: Mapping[str, float] = setting({}, option="--mix", help="Mix.")
    size: int | Literal["one-hot"] = setting(3, option="--size", help="Size.")
    dry: bool = setting(True, option="--dry/--wet", help="Dry.")
    glossy: bool = setting(False, option="--glossy", help="Glossy.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tools:
    brush: Annotated[str | None, option("--brush", metavar="SIZE", help="Brush.")] = None
    ladders: Annotated[int, option("--ladders", help="Ladders.")] = 1


def run(*arguments: str) -> dict[str, Any]:
    """Return the settings that a command receives from its arguments."""
    received: list[dict[str, Any]] = []

    def paint(wall: str, *, options: SettingOptions, fast: bool = False) -> None:
        received.append({"wall": wall, "fast": fast, **options})

    invoke(takes_options(options=select(Paint))(paint), "north", *arguments)
    [values] = received
    assert (values.pop("wall"), values.pop("fast")) == ("north", "--fast" in arguments)
    return values


def invoke(command: Callable[..., None], *arguments: str) -> None:
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, [*arguments])
    assert done.exit_code == 0, done.output


def test_options_left_out_are_not_given() -> None:
    assert run() == {}
    assert run("--fast") == {}


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        (["--colour", "blue"], {"colour": "blue"}),
        (["--colour", "green"], {"colour": "green"}),
        (["--litres", "2"], {"litres": 2.0}),
        (["--coats", "0"], {"coats": 0}),
        (["--name", "a, b", "--name", "c"], {"names": ("a", "b", "c")}),
        (["--part", "1", "--part", "0"], {"parts": (1.0, 0.0)}),
        (["--mix", "a=1", "--mix", "b=-2"], {"mixed": {"a": 1.0, "b": -2.0}}),
        (["--size", "12", "--wet"], {"size": 12, "dry": False}),
        (
            ["--size", "one-hot", "--dry", "--glossy"],
            {"size": "one-hot", "dry": True, "glossy": True},
        ),
    ],
)
def test_options_are_given_as_values_of_the_settings(
    arguments: list[str], values: dict[str, Any]
) -> None:
    """The settings class, not the command line, refuses a wrong word such as green."""
    assert run(*arguments) == values


def test_a_command_takes_some_settings_only() -> None:
    def paint(*, options: SettingOptions) -> None: ...

    first, others = select(Paint, ("coats", "dry")), select(Paint, without=("coats", "dry"))
    some = takes_options(options=[*first, *others])
    assert list(inspect.signature(some(paint)).parameters)[:3] == ["coats", "dry", "colour"]
    one = takes_options(options=select(Paint, ("coats",)))
    assert list(inspect.signature(one(paint)).parameters) == ["coats"]


@pytest.mark.parametrize(
    ("arguments", "tools", "settings"),
    [
        ([], Tools(), {}),
        (["--brush", "wide", "--coats", "2"], Tools(brush="wide"), {"coats": 2}),
        (["--ladders", "3"], Tools(ladders=3), {}),
    ],
)
def test_a_record_and_settings_are_collected_each_on_its_own(
    arguments: list[str], tools: Tools, settings: dict[str, Any]
) -> None:
    received: list[tuple[Tools, SettingOptions]] = []

    def paint(*, tools: Tools, options: SettingOptions) -> None:
        received.append((tools, options))

    invoke(takes_options(tools=Tools, options=select(Paint))(paint), *arguments)
    assert received == [(tools, settings)]


def test_the_options_of_a_group_are_in_the_place_of_its_parameter() -> None:
    def paint(wall: str, *, tools: Tools, fast: bool = False, options: SettingOptions) -> None: ...

    command = takes_options(options=select(Paint, ("coats",)), tools=Tools)(paint)
    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["wall", "brush", "ladders", "fast", "coats"]
    assert (parameters["brush"].default, parameters["ladders"].default) == (None, 1)


def test_two_groups_with_an_option_of_the_same_name_are_refused() -> None:
    def paint(*, tools: Tools, others: Tools) -> None: ...

    with pytest.raises(ValueError, match="duplicate parameter name: 'brush'"):
        takes_options(tools=Tools, others=Tools)(paint)


def test_a_command_keeps_its_name_and_help() -> None:
    def paint(*, options: SettingOptions) -> None:
        """Paint a wall."""

    command = takes_options(options=select(Paint))(paint)
    assert (command.__name__, command.__doc__) == ("paint", "Paint a wall.")


@pytest.mark.parametrize(
    ("name", "changes", "help", "metavar"),
    [
        ("colour", {}, "Hue. [default: red]", "red|blue"),
        ("litres", {}, "Volume. [default: 1.0]", "LITRES"),
        ("coats", {}, "Layers.", "COUNT"),
        ("coats", {"default": 2}, "Layers. [default: 2]", "COUNT"),
        ("coats", {"help": "Of paint."}, "Of paint.", "COUNT"),
        ("names", {}, "Name. May be repeated, or separated by commas.", None),
        ("parts", {}, "Part. May be repeated. [default: 0.5]", None),
        ("dry", {}, "Dry. [default: dry]", None),
        ("glossy", {}, "Glossy.", None),
    ],
)
def test_the_help_text_has_repetition_and_default(
    name: str, changes: dict[str, Any], help: str, metavar: str | None
) -> None:
    option = setting_option(Paint, name, **changes)
    assert (option.help, option.metavar) == (help, metavar)
    assert option.rich_help_panel == "Options"
    assert setting_option(Paint, name, group="Walls").rich_help_panel == "Walls"
