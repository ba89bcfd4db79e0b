"""The base class of the records that measurements return."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import numpy as np


class Record:
    """A frozen dataclass that converts to plain values."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, without classes of charloom and NumPy.

        Records and mappings become dictionaries, tuples and arrays become lists.
        """
        fields = dataclasses.fields(cast(Any, self))
        return {field.name: _plain(getattr(self, field.name)) for field in fields}


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
