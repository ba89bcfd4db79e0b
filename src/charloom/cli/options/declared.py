"""Options of the command line that are built from the declarations of settings."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Annotated, Any, Literal, get_args

from charloom.cli.options.parsers import (
    decode_argument,
    parse_bias,
    parse_float,
    parse_int,
    parse_size,
)
from charloom.cli.options.shared import option
from charloom.settings.declaration import Setting, settings_of
from charloom.settings.records import SettingsBase

SettingOptions = Mapping[str, Any]
"""Settings on the command line by field name."""

_PARSERS: dict[Any, Callable[[str], object]] = {
    int: parse_int,
    float: parse_float,
    str: decode_argument,
    int | Literal["one-hot"]: parse_size,
    Mapping[str, float]: parse_bias,
}


class SettingParameter:
    """A setting as a parameter of a command."""

    def __init__(self, setting: Setting, option: Any) -> None:
        self._setting = setting
        self.name = setting.name
        kind: Any = str
        if setting.is_many:
            kind = list[str]
        elif _value_type(setting.type) is bool:
            kind = bool
        self.parameter = inspect.Parameter(
            setting.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind | None, option],
        )

    def convert(self, value: Any) -> Any:
        """Return a value of the option as a value of the setting."""
        if self._setting.declaration.commas:
            value = [part.strip() for text in value for part in text.split(",")]
        if not self._setting.is_many:
            return value
        return dict(value) if isinstance(self._setting.default, Mapping) else tuple(value)


def setting_option(
    kind: type[SettingsBase],
    name: str,
    *,
    help: str | None = None,
    default: object = None,
    group: str | None = None,
) -> Any:
    """Return the option of a setting; arguments replace the help text, shown default and group."""
    setting = settings_of(kind)[name]
    declaration = setting.declaration
    return option(
        declaration.option,
        help=(help or declaration.help) + _repetition(setting),
        metavar=declaration.metavar or "|".join(setting.choices) or None,
        parser=_parser(setting),
        default=setting.default_text if default is None else default,
        group=group or declaration.group,
        values=setting.choices,
    )


def select(
    kind: type[SettingsBase],
    names: Iterable[str] | None = None,
    *,
    without: Iterable[str] = (),
    **changes: Mapping[str, Any],
) -> list[SettingParameter]:
    """Return some settings of a class, or all, as parameters of a command.

    `changes` replace the `help` or the shown `default` of single options.
    """
    settings = settings_of(kind)
    return [
        SettingParameter(settings[name], setting_option(kind, name, **changes.get(name, {})))
        for name in (settings if names is None else names)
        if name not in without
    ]


def takes_settings(
    *selections: Iterable[SettingParameter],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option for each selected setting to a command.

    The command has a parameter `options` in place of them. It receives the settings on the command
    line by field name, without those that were left out.
    """
    selected = list(chain.from_iterable(selections))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**arguments: Any) -> None:
            values = {setting: arguments.pop(setting.name) for setting in selected}
            options = {
                setting.name: setting.convert(value)
                for setting, value in values.items()
                if value is not None
            }
            command(**arguments, options=options)

        run.__name__, run.__doc__, run.__module__ = (
            command.__name__,
            command.__doc__,
            command.__module__,
        )
        run.__signature__ = _signature(command, selected)  # type: ignore[attr-defined]
        run.__annotations__ = {}
        return run

    return decorate


def _signature(command: Callable[..., None], selected: list[SettingParameter]) -> inspect.Signature:
    """Return the signature of a command with the selected settings in place of `options`."""
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        replaced = parameter.name == "options"
        parameters += [setting.parameter for setting in selected] if replaced else [parameter]
    return signature.replace(parameters=parameters)


def _value_type(kind: Any) -> Any:
    """Return the type of one value: `int` of `int | None` and of `tuple[int, ...]`."""
    if kind in _PARSERS or not get_args(kind):
        return kind
    return str if isinstance(get_args(kind)[0], str) else get_args(kind)[0]


def _repetition(setting: Setting) -> str:
    if setting.declaration.commas:
        return " May be repeated, or separated by commas."
    return " May be repeated." if setting.is_many else ""


def _parser(setting: Setting) -> Callable[[str], object] | None:
    return _PARSERS.get(_value_type(setting.type))
