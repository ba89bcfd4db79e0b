"""Names of the formats of exports, their options, and the types of weights."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict, get_args

StoredType = Literal["float32", "float16", "int8"]
STORED_TYPES: Final[tuple[StoredType, ...]] = get_args(StoredType)
EXPORT_FORMATS: Final = ("html", "keras", "torch", "hf")
EXPORT_SUFFIXES: Final = {"html": ".html", "keras": ".keras", "torch": "-torch", "hf": "-hf"}
"""Added to the name of a run for the file or folder of an export, by format."""


class ExportOptions(TypedDict, total=False):
    """Options of ``Model.export`` that only some formats have."""

    dtype: str
    embed: bool
    license: str | None
    language: str | None


OPTION_DEFAULTS: Final[Mapping[str, Any]] = {
    "dtype": "float32",
    "embed": False,
    "license": None,
    "language": None,
}
"""Options that only some formats have, and their values where they are left out."""
FORMAT_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "html": ("dtype", "embed"),
    "keras": (),
    "torch": (),
    "hf": ("license", "language"),
}
"""The options of each format; with ``dtype`` also the texts and the folder of rounded weights."""
