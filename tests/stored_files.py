"""Files of bytes in several compressions, and their text."""

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Compression, SourceFile
from charloom.data.text_files import read_text
from charloom.data.zstd import zstd
from charloom.errors import SourceError
from charloom.settings import TextSettings

Pack = Callable[[bytes], bytes]
PACKED: list[tuple[Compression | None, Pack]] = [
    (None, bytes),
    ("gzip", gzip.compress),
    ("zstd", zstd.compress),
    ("xz", lzma.compress),
    ("bzip2", bz2.compress),
]


def stored(path: Path, content: bytes, compression: Compression | None = None) -> SourceFile:
    """Write a file and return it under the name X."""
    path.write_bytes(content)
    return SourceFile(path=path, name="X", compression=compression)


def read(file: SourceFile, encoding: str = "utf-8") -> Iterator[str]:
    """Return the blocks of text of a file."""
    return read_text(file, TextSettings(encoding=encoding), ReadingNotes())


def message(file: SourceFile, encoding: str = "utf-8") -> str:
    """Return the message with which a file is refused."""
    with pytest.raises(SourceError) as caught:
        list(read(file, encoding))
    return str(caught.value)
