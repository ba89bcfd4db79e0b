"""A file to read, and its format."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

from charloom.errors import SourceError
from charloom.text.symbols import replace_surrogates

Format = Literal["text", "delimited", "csv", "tsv", "json", "jsonl", "parquet"]
Compression = Literal["gzip", "zstd", "xz", "bzip2"]
Progress = Callable[[int], None]
"""Called with the number of bytes just read from disk, before decompression."""
Sources = str | Path | Sequence[str | Path]
"""Files, folders, globs, ``-`` for standard input, or names of corpora: one or several."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to read, and its format."""

    path: Path
    name: str
    """Name of the file in messages."""
    format: Format = "text"
    compression: Compression | None = None
    live: BinaryIO | None = None
    """A stream to read once, as it arrives, instead of ``path``."""
    column_names: tuple[str, ...] = ()
    """Names of the columns, for a table without a header line."""
    own_columns: tuple[str, str | None] | None = None
    """The columns of texts and labels of a table that charloom wrote, whatever the settings."""


def source_names(sources: Sources) -> tuple[str, ...]:
    """Return one source, or several, as strings.

    >>> source_names("a.txt"), source_names([Path("a.txt"), "-"])
    (('a.txt',), ('a.txt', '-'))
    """
    names = [sources] if isinstance(sources, str | Path) else sources
    return tuple(str(name) for name in names)


def unreadable_error(name: str, error: OSError) -> SourceError:
    """Return the error to raise when the system refuses to read ``name``."""
    return SourceError(
        f"{replace_surrogates(name)} cannot be read: {error.strerror or error}; a file or folder "
        "that this user may read is needed; check its name and its permissions."
    )
