"""Recognize files that hold no plain text by their first bytes."""

import struct
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

from charloom.errors import SourceError
from charloom.text.symbols import replace_surrogates


class FileKind(NamedTuple):
    """A kind of file, and the remedy for its owner."""

    name: str
    remedy: str


_IMAGE: Final = "give the text that it shows, or a description of it"
_MAGIC: Final[dict[bytes, FileKind]] = {
    b"%PDF-": FileKind("a PDF", "save its text as .txt, for example by pdftotext"),
    b"{\\rtf": FileKind("a document in RTF", "save it as plain text (.txt)"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": FileKind(
        "an old document of Microsoft Office", "save it as .txt or .csv"
    ),
    b"\x89PNG\r\n\x1a\n": FileKind("a picture (PNG)", _IMAGE),
    b"\xff\xd8\xff": FileKind("a picture (JPEG)", _IMAGE),
    b"GIF87a": FileKind("a picture (GIF)", _IMAGE),
    b"GIF89a": FileKind("a picture (GIF)", _IMAGE),
    b"II*\0": FileKind("a picture (TIFF)", _IMAGE),
    b"MM\0*": FileKind("a picture (TIFF)", _IMAGE),
    b"SQLite format 3\0": FileKind("an SQLite database", "export a table as .csv"),
    b"\x7fELF": FileKind("a program", "give a file of text"),
    b"\x80\x04\x95": FileKind("a Python pickle", "save its texts as .txt or .jsonl"),
    b"\x80\x05\x95": FileKind("a Python pickle", "save its texts as .txt or .jsonl"),
}
ZIP_MAGIC: Final = b"PK\x03\x04"
_ZIP_MEMBERS: Final = {
    "word/document.xml": FileKind("a Word document", "save it as plain text (.txt)"),
    "xl/workbook.xml": FileKind("an Excel workbook", "save the sheet as .csv"),
    "ppt/presentation.xml": FileKind("a presentation", "save its text as .txt"),
    "content.xml": FileKind("an OpenDocument file", "save it as .txt or .csv"),
    "META-INF/container.xml": FileKind("an e-book (EPUB)", "convert it to .txt"),
}
"""A file by which an archive of a program is recognized."""
HEAD_BYTES: Final = max(map(len, _MAGIC))


def check_kind(path: Path) -> None:
    """Raise SourceError if a file is recognized as one without plain text.

    Raises OSError if it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    kind = _zip_kind(path) if head.startswith(ZIP_MAGIC) else _kind_of(head)
    if kind is not None:
        raise SourceError(
            f"{replace_surrogates(str(path))} is {kind.name}; a text or a table is needed; "
            f"{kind.remedy}."
        )


def _kind_of(head: bytes) -> FileKind | None:
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def _zip_kind(path: Path) -> FileKind | None:
    """Return the kind of a document that is an archive inside, else None."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, IndexError, OverflowError, RuntimeError, ValueError, struct.error):
        members = set()
    return next((kind for name, kind in _ZIP_MEMBERS.items() if name in members), None)
