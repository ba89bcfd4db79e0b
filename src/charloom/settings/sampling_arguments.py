"""The settings of the keyword arguments of generating."""

import dataclasses
import os
from os import PathLike
from typing import Any

from charloom.errors import SettingsError
from charloom.settings.sampling import SamplingSettings
from charloom.settings.sampling_options import SamplingOptions


def sampling_settings(options: SamplingOptions) -> SamplingSettings:
    """Return settings with ``options``.

    One string is a value of several, as for ``stop``.

    Raises SettingsError for an unknown or invalid option.
    """
    fields: dict[str, Any] = dict(options)
    known = [field.name for field in dataclasses.fields(SamplingSettings)]
    for name in fields:
        if name not in known:
            raise SettingsError(f"there is no option {name!r}; there are: {', '.join(known)}.")
    for name in ("stop", "forbid", "novel_file"):
        if isinstance(fields.get(name), str | PathLike):
            fields[name] = (fields[name],)
    if isinstance(fields.get("novel_file"), list | tuple):
        fields["novel_file"] = tuple(
            os.fspath(file) if isinstance(file, PathLike) else file for file in fields["novel_file"]
        )
    return SamplingSettings(**fields)
