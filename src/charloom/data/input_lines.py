"""Read lines to score: each with its place, as given and cleaned, blank ones too."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from charloom.data.decoding import INVALID, describe_invalid
from charloom.data.readers import check_options, clean_fields
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.data.tables.rows import read_rows
from charloom.data.text_files import REPLACEMENT, read_marked_text, whole_lines
from charloom.errors import SourceError
from charloom.settings import TextSettings
from charloom.text.cleaning import clean_document
from charloom.text.symbols import replace_surrogates

_BATCH_ROWS: Final = 1000


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class InputLine:
    """A line of a text or a row of a table."""

    source: str
    """Name of the file."""
    number: int
    """Line of the file in which it begins, from 1; in parquet, the number of the row."""
    given: str
    """The text before cleaning: the fields of a row are joined by a space."""
    text: str
    """The cleaned text; empty for a blank line and for one with a fault."""
    label: str | None = None
    fault: str | None = None
    """Why the line cannot be scored."""


def read_input_lines(
    files: Sequence[SourceFile], settings: TextSettings, notes: ReadingNotes
) -> Iterator[list[InputLine]]:
    """Yield all lines and rows of ``files`` in order, in batches as they arrive.

    Raises SourceError if a file cannot be read or holds nothing at all, and with errors ``strict``
    for a broken line; else that line has a fault, or U+FFFD in the place of invalid bytes.
    """
    check_options(files, settings)
    is_empty = True
    for file in files:
        read = _text_lines if file.format == "text" else _table_rows
        for batch in read(file, settings, notes):
            is_empty = is_empty and not batch
            yield batch
    if is_empty:
        names = ", ".join(file.name for file in files)
        raise SourceError(
            f"no text in {names}: there is no line; at least one is needed; give another source."
        )


def _text_lines(
    file: SourceFile, settings: TextSettings, notes: ReadingNotes
) -> Iterator[list[InputLine]]:
    number = 0
    for block in whole_lines(read_marked_text(file, settings, notes)):
        lines = block.split("\n")
        yield [
            _text_line(file, n, line, settings, notes) for n, line in enumerate(lines, number + 1)
        ]
        number += len(lines)


def _text_line(
    file: SourceFile, number: int, line: str, settings: TextSettings, notes: ReadingNotes
) -> InputLine:
    fault = None
    if INVALID in line:
        line = line.replace(INVALID, REPLACEMENT)
        if settings.errors == "skip":
            fault = f"{describe_invalid(file, settings.encoding, number)}."
            notes.count_skipped(fault)
    return InputLine(
        source=file.name,
        number=number,
        given=replace_surrogates(line),
        text="" if fault else _scored_text(clean_document(line, settings)),
        fault=fault,
    )


def _table_rows(
    file: SourceFile, settings: TextSettings, notes: ReadingNotes
) -> Iterator[list[InputLine]]:
    batch: list[InputLine] = []
    for row in read_rows(file, settings, notes):
        if row.fault is not None:
            notes.count_skipped(row.fault)
        batch.append(
            InputLine(
                source=file.name,
                number=row.line,
                given=replace_surrogates(" ".join(filter(None, row.fields))),
                text=_scored_text(clean_fields(row.fields, settings)),
                label=None if row.label is None else replace_surrogates(row.label),
                fault=row.fault,
            )
        )
        if len(batch) == _BATCH_ROWS:
            yield batch
            batch = []
    yield batch


def _scored_text(text: str) -> str:
    """Return a cleaned text, '' if it is blank."""
    return text if text.strip() else ""
