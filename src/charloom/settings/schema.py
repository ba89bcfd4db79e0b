"""JSON schemas of settings, derived from their declarations."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from charloom.settings.declaration import Range, Setting, settings_of
from charloom.settings.records import SettingsBase

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", NoneType: "null"}
_KEYWORDS = {
    "min": "minimum",
    "max": "maximum",
    "above": "exclusiveMinimum",
    "below": "exclusiveMaximum",
}


def json_schema(kind: type[SettingsBase]) -> dict[str, Any]:
    """Return the JSON schema (Draft 2020-12) of a settings class.

    A property has the title, description, default, type and range of its field, and as ``x-group``,
    ``x-option`` and ``x-default`` the group, option and shown default of the command line. Rules
    that concern several fields are not in the schema.

    >>> from charloom.settings import NetworkSettings
    >>> json_schema(NetworkSettings)["properties"]["cell"]["enum"]
    ['lstm', 'gru', 'rnn']
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.__name__,
        "description": (kind.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": {name: _property(setting) for name, setting in settings_of(kind).items()},
        "additionalProperties": False,
    }


def _property(setting: Setting) -> dict[str, Any]:
    declaration, default = setting.declaration, setting.default
    return {
        "title": setting.name.replace("_", " ").capitalize(),
        "description": declaration.help,
        **_type_schema(setting.type, declaration.range),
        "default": _json(default),
        "x-group": declaration.group,
        "x-option": declaration.option,
        **({} if setting.default_text is None else {"x-default": setting.default_text}),
    }


def _type_schema(kind: Any, limits: Range | None) -> dict[str, Any]:
    """Return the keywords for an annotated type; limits apply to its numbers."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _type_schema(arguments[0], limits)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type_schema(arguments[1], limits)}
    if origin in (Union, UnionType):
        schemas = [_type_schema(argument, limits) for argument in arguments]
        if NoneType not in arguments:
            return {"anyOf": schemas}
        others = [each for each in schemas if each.get("type") != "null"]
        if len(others) > 1:
            return {"anyOf": schemas}
        [schema] = others
        return schema | {"type": [schema["type"], "null"]}
    schema = {"type": _TYPES[kind]}
    if kind in (int, float) and limits is not None:
        schema |= {_KEYWORDS[k]: v for k, v in limits._asdict().items() if v is not None}
    return schema


def _json(default: Any) -> Any:
    """Return a default as a new JSON value."""
    if isinstance(default, Mapping):
        return dict(default)
    return list(default) if isinstance(default, tuple) else default
