"""Settings files: TOML with a table for each class and a key for each field.

    [network]
    cell = "gru"
    hidden = 128

Keys that are missing are left to presets and defaults.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from charloom.errors import SettingsError
from charloom.settings.declaration import settings_of
from charloom.settings.records import SettingsBase, check_value
from charloom.settings.tables import TABLES


def read_settings(path: Path, tables: Iterable[str]) -> dict[str, Any]:
    """Return the settings in some tables of a file, by field name.

    The other tables are checked only. Raises SettingsError if the file cannot be read, is not TOML,
    or holds a setting that does not exist or is out of range.
    """
    content = _load(path)
    settings: dict[str, dict[str, Any]] = {}
    for table, values in content.items():
        try:
            settings[table] = _checked(table, values)
        except SettingsError as error:
            raise SettingsError(f"{path}: {error}") from None
    return {name: value for table in tables for name, value in settings.get(table, {}).items()}


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return tables of settings as TOML; a value of None is left out.

    >>> print(to_toml({"network": {"cell": "gru", "hidden": 128}}))
    [network]
    cell = "gru"
    hidden = 128
    """
    blocks = []
    for table, values in tables.items():
        lines = [f"{name} = {_literal(v)}" for name, v in values.items() if v is not None]
        blocks.append("\n".join([f"[{table}]", *lines]))
    return "\n\n".join(blocks)


def _load(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read ({error.strerror or error}); name a settings file, such as one "
            "that charloom summary RUN --settings writes."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path} is not UTF-8 (byte {error.start + 1}); save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error


def _checked(table: str, values: object) -> dict[str, Any]:
    """Return the settings of one table with their values checked, alone and together."""
    if table not in TABLES:
        known = ", ".join(f"[{name}]" for name in TABLES)
        raise SettingsError(f"there is no table [{table}] of settings; there are: {known}.")
    if not isinstance(values, dict):
        raise SettingsError(f"{table} is a table: write [{table}] and its settings below.")
    kind: type[SettingsBase] = TABLES[table]
    known_settings = settings_of(kind)
    try:
        for name in values.keys() & known_settings.keys():
            values[name] = check_value(known_settings[name], values[name], name)
        kind.from_json(values)
    except SettingsError as error:
        raise SettingsError(f"[{table}] {error}") from None
    return values


def _literal(value: object) -> str:
    """Return a value of a setting as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON's escapes are TOML's, but TOML escapes the delete character as well.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        pairs = (f"{_literal(key)} = {_literal(item)}" for key, item in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value)
