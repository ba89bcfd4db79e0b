"""Files to documents: cleaned, blank ones left out, one after another."""

import dataclasses
from collections.abc import Iterator, Sequence

from charloom.errors import SourceError
from charloom.settings import TextSettings
from charloom.text.cleaning import clean_document, is_clean
from charloom.text.streams import Progress, SourceFile, read_text, whole_lines
from charloom.text.tables import read_rows


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What a network learns as one sequence, between two boundary symbols."""

    text: str
    label: str | None = None


def read(
    files: Sequence[SourceFile], settings: TextSettings, progress: Progress | None = None
) -> Iterator[Document]:
    """Yield the documents of ``files``, cleaned as ``settings`` say; blank ones are left out.

    A row of a table is one document, whatever the unit. Of a text file each line is one with unit
    ``line``, else the file is. Columns, labels and headers concern the tables among the files.
    Memory holds a block, or one document where that is larger. Raises SourceError.
    """
    _check_columns(files, settings)
    found = False
    for file in files:
        for document in _documents(file, settings, progress):
            found = True
            yield document
    if not found:
        names = ", ".join(file.name for file in files)
        raise SourceError(
            f"no text in {names}: only blank lines or fields; at least one that is not blank is "
            "needed; give another source or column."
        )


def _check_columns(files: Sequence[SourceFile], settings: TextSettings) -> None:
    given = {
        "--column": bool(settings.columns),
        "--label-column": settings.label_column is not None,
        "--header": settings.header is True,
        "--no-header": settings.header is False,
    }
    asked = [option for option, is_given in given.items() if is_given]
    if asked and all(file.format == "text" for file in files):
        raise SourceError(
            f"{asked[0]} was given, but {', '.join(file.name for file in files)} has no columns; "
            "columns are read from .csv, .tsv, .jsonl and .parquet files; leave the option out or "
            "rename the file."
        )


def _documents(
    file: SourceFile, settings: TextSettings, progress: Progress | None
) -> Iterator[Document]:
    if file.format != "text":
        return _rows(file, settings, progress)
    if settings.unit == "line":
        return _lines(file, settings, progress)
    return _whole(file, settings, progress)


def _rows(
    file: SourceFile, settings: TextSettings, progress: Progress | None
) -> Iterator[Document]:
    for fields, label in read_rows(file, settings, progress):
        text = " ".join(filter(None, (clean_document(field, settings) for field in fields)))
        if text.strip():
            yield Document(text=text, label=label)


def _lines(
    file: SourceFile, settings: TextSettings, progress: Progress | None
) -> Iterator[Document]:
    for block in whole_lines(read_text(file, settings.encoding, progress)):
        lines = block.split("\n")
        if settings.clean and is_clean(block):  # one look at a block is cheaper than one a line
            texts = (line.strip() for line in lines)
        else:
            texts = (clean_document(line, settings) for line in lines)
        for text in texts:
            if text and not text.isspace():
                yield Document(text=text)


def _whole(
    file: SourceFile, settings: TextSettings, progress: Progress | None
) -> Iterator[Document]:
    text = clean_document("".join(read_text(file, settings.encoding, progress)), settings)
    if text.strip():
        yield Document(text=text)
