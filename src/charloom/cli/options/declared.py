"""Groups of options: declared settings, and records of other options."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Protocol, get_args, get_type_hints

from charloom.cli.options.parsers import (
    decode_argument,
    parse_bias,
    parse_float,
    parse_floats,
    parse_int,
    parse_size,
)
from charloom.cli.options.shared import option
from charloom.settings import Freeze
from charloom.settings.declaration import Setting, settings_of
from charloom.settings.records import SettingsBase

SettingOptions = Mapping[str, Any]
"""Settings on the command line by field name."""

_PARSERS: dict[Any, Callable[[str], object]] = {
    int: parse_int,
    float: parse_float,
    str: decode_argument,
    int | Literal["one-hot"]: parse_size,
    Freeze: parse_size,
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
            value = [part for each in value for part in _parts(each)]
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
    """Return the option of a setting.

    The arguments replace the help text, the shown default and the group of its declaration.
    """
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

    ``changes`` replace the ``help`` or the shown ``default`` of single options.
    """
    settings = settings_of(kind)
    return [
        SettingParameter(settings[name], setting_option(kind, name, **changes.get(name, {})))
        for name in (settings if names is None else names)
        if name not in without
    ]


def takes_options(
    **groups: type | Iterable[SettingParameter],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Expand parameters of a command into groups of options.

    Each keyword names a parameter. The options of a group take its place in the signature. A group
    is either a dataclass whose fields are annotated as options and have defaults, or settings from
    ``select``. For a dataclass the command receives an instance; for settings it receives a mapping
    by field name that contains only the settings on the command line.
    """
    built = {name: _build_group(group) for name, group in groups.items()}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**arguments: Any) -> None:
            values = {name: group.collect(arguments) for name, group in built.items()}
            command(**arguments, **values)

        run.__name__, run.__doc__, run.__module__ = (
            command.__name__,
            command.__doc__,
            command.__module__,
        )
        run.__signature__ = _signature(command, built)  # type: ignore[attr-defined]
        run.__annotations__ = {}
        return run

    return decorate


class _Group(Protocol):
    """Options that a command receives as one value."""

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """The options as parameters, in the order of the help text."""
        ...

    def collect(self, arguments: dict[str, Any]) -> Any:
        """Remove the options from ``arguments`` and return them as one value."""
        ...


class _Record:
    """Options declared as the fields of a dataclass."""

    def __init__(self, kind: type) -> None:
        self._kind: Any = kind
        annotations = get_type_hints(kind, include_extras=True)
        self.parameters = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=annotations[field.name],
            )
            for field in dataclasses.fields(self._kind)
        ]

    def collect(self, arguments: dict[str, Any]) -> Any:
        names = [parameter.name for parameter in self.parameters]
        return self._kind(**{name: arguments.pop(name) for name in names})


class _Settings:
    """Options that are settings."""

    def __init__(self, settings: Iterable[SettingParameter]) -> None:
        self._settings = list(settings)
        self.parameters = [setting.parameter for setting in self._settings]

    def collect(self, arguments: dict[str, Any]) -> SettingOptions:
        values = {setting: arguments.pop(setting.name) for setting in self._settings}
        return {
            setting.name: setting.convert(value)
            for setting, value in values.items()
            if value is not None
        }


def _build_group(group: type | Iterable[SettingParameter]) -> _Group:
    return _Record(group) if isinstance(group, type) else _Settings(group)


def _signature(command: Callable[..., None], groups: Mapping[str, _Group]) -> inspect.Signature:
    """Return the signature of a command with the options of each group in its place."""
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        group = groups.get(parameter.name)
        parameters += [parameter] if group is None else group.parameters
    return signature.replace(parameters=parameters)


def _value_type(kind: Any) -> Any:
    """Return the type of one value: int of ``int | None`` and of ``tuple[int, ...]``."""
    if kind in _PARSERS or not get_args(kind):
        return kind
    return str if isinstance(get_args(kind)[0], str) else get_args(kind)[0]


def _parts(value: str | tuple[float, ...]) -> Iterable[str | float]:
    """Return the values in one that commas separate; numbers are parsed already."""
    return map(str.strip, value.split(",")) if isinstance(value, str) else value


def _repetition(setting: Setting) -> str:
    if setting.declaration.commas:
        return " May be repeated, or separated by commas."
    return " May be repeated." if setting.is_many else ""


def _parser(setting: Setting) -> Callable[[str], object] | None:
    if setting.declaration.commas and _value_type(setting.type) is float:
        return parse_floats
    return _PARSERS.get(_value_type(setting.type))
