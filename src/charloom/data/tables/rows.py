"""Read the rows of a table, whatever its format."""

import dataclasses
from collections.abc import Iterator

from charloom.data.decoding import INVALID, describe_invalid
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Progress, SourceFile
from charloom.data.tables.columns import Row
from charloom.data.tables.delimited import read_delimited
from charloom.data.tables.json_rows import read_json, read_json_lines
from charloom.data.tables.parquet import read_parquet
from charloom.data.text_files import read_marked_text, read_text, whole_lines
from charloom.settings import TextSettings


def read_rows(
    file: SourceFile,
    settings: TextSettings,
    notes: ReadingNotes,
    progress: Progress | None = None,
) -> Iterator[Row]:
    """Yield each row of a table, not cleaned.

    Raises SourceError if the file cannot be read, lacks a column (with the columns that it has), or
    with errors ``strict`` if a row is broken (with its line); else such rows have a fault.
    """
    if file.own_columns is not None:
        settings = _own_settings(file.own_columns, settings)
    if file.format == "parquet":
        return read_parquet(file, settings, notes, progress)
    # A row with invalid bytes is left out as a whole, wherever its lines end.
    read = read_marked_text if settings.errors == "skip" else read_text
    blocks = read(file, settings, notes, progress)
    if file.format == "json":
        rows = read_json(file, blocks, settings, notes)
    else:
        lines = (line for block in whole_lines(blocks) for line in block.split("\n"))
        read_lines = read_json_lines if file.format == "jsonl" else read_delimited
        rows = read_lines(file, lines, settings, notes)
    return _mark_invalid_rows(file, rows, settings) if settings.errors == "skip" else rows


def _own_settings(columns: tuple[str, str | None], settings: TextSettings) -> TextSettings:
    """Return the settings with which charloom reads a table of its own."""
    texts, labels = columns
    return dataclasses.replace(
        settings, columns=(texts,), label_column=labels, header=None, encoding="utf-8"
    )


def _mark_invalid_rows(
    file: SourceFile, rows: Iterator[Row], settings: TextSettings
) -> Iterator[Row]:
    for row in rows:
        if any(INVALID in text for text in (*row.fields, row.label or "")):
            fault = describe_invalid(file, settings.encoding, row.line)
            yield Row(row.line, [], None, fault=f"{fault}.")
        else:
            yield row
