"""The names of the formats of exports, and of the types of their weights."""

from typing import Final, Literal, get_args

StoredType = Literal["float32", "float16", "int8"]
STORED_TYPES: Final[tuple[StoredType, ...]] = get_args(StoredType)
EXPORT_FORMATS: Final = ("html", "keras")
EXPORT_SUFFIXES: Final = {"html": ".html", "keras": ".keras"}
"""Ends of the names of files, by format."""
