"""Read source files as cleaned, non-blank documents, in bounded memory."""

from collections.abc import Iterator, Sequence

import numpy as np

from charloom.data import line_splitter
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Progress, SourceFile
from charloom.data.tables.columns import Row
from charloom.data.tables.rows import read_rows
from charloom.data.text_files import line_chunks, read_text, whole_lines
from charloom.data.text_parts import remark_on_parts, split_parts
from charloom.errors import SourceError
from charloom.settings import TextSettings
from charloom.text.cleaning import Change, clean_document
from charloom.text.documents import Block, Document, to_blocks, to_documents
from charloom.text.symbols import code_units, replace_surrogates


def read_documents(
    files: Sequence[SourceFile],
    settings: TextSettings,
    progress: Progress | None = None,
    notes: ReadingNotes | None = None,
) -> Iterator[Document]:
    """Yield the non-blank documents of ``files``, cleaned according to ``settings``.

    A row of a table is one document, whatever the unit. In a text file, each part between
    separators is one, else each line with unit ``line``; with other units the file is. Columns,
    labels and headers apply to tables only. Memory holds a block, or one document if that is
    larger. ``notes`` record changes and omissions. Raises SourceError.
    """
    return to_documents(read_blocks(files, settings, progress, notes))


def read_blocks(
    files: Sequence[SourceFile],
    settings: TextSettings,
    progress: Progress | None = None,
    notes: ReadingNotes | None = None,
) -> Iterator[Block]:
    """Yield the documents of ``read_documents`` in blocks.

    A file with unit ``stream`` may span many blocks. Memory holds a block, or one line if that is
    larger; with unit ``document``, one document.
    """
    check_options(files, settings)
    notes = ReadingNotes() if notes is None else notes
    has_text = False
    for file in files:
        notes.file_documents.append(0)
        for block in _file_blocks(file, settings, notes, progress):
            if len(block.lengths):
                has_text = True
                notes.file_documents[-1] += len(block.lengths) - block.unfinished
                yield block
    if not has_text:
        names = ", ".join(file.name for file in files)
        reason = f" {notes.skipped:,} left out, the first: {notes.first_skipped}"
        raise SourceError(
            f"no text in {names}: only blank lines or fields; at least one that is not blank is "
            f"needed; give another source or column.{reason if notes.skipped else ''}"
        )


def check_options(files: Sequence[SourceFile], settings: TextSettings) -> None:
    """Raise SourceError if options do not apply to texts, or not to tables."""
    table_options = {
        "--column": bool(settings.columns),
        "--label-column": settings.label_column is not None,
        "--header": settings.header is True,
        "--no-header": settings.header is False,
    }
    given = [option for option, is_given in table_options.items() if is_given]
    names = ", ".join(file.name for file in files)
    if given and all(file.format == "text" for file in files):
        raise SourceError(
            f"{given[0]} was given, but {names} has no columns; columns are read from .csv, .tsv, "
            ".json, .jsonl and .parquet files, and with --delimiter from any other; add that, or "
            "leave the option out."
        )
    if settings.separates and not any(file.format == "text" for file in files):
        raise SourceError(
            f"a separator was given, but {names} is a table, of which each row is a text; leave "
            "--separator out."
        )


def _file_blocks(
    file: SourceFile, settings: TextSettings, notes: ReadingNotes, progress: Progress | None
) -> Iterator[Block]:
    if file.format != "text":
        rows = read_rows(file, settings, notes, progress)
        return to_blocks(_row_documents(rows, settings, notes))
    if settings.columns:  # others are tables, or check_options has refused them
        notes.add_remark(
            "whole lines",
            f"{file.name} has no columns, so its texts are read whole; --delimiter reads it as a "
            "table too.",
        )
    text = read_text(file, settings, notes, progress)
    if settings.separates:
        return to_blocks(_part_documents(file, text, settings, notes))
    if settings.unit == "line":
        return _line_blocks(file, text, settings, notes)
    if settings.unit == "stream":
        return _stream_blocks(text, settings, notes)
    return to_blocks(_whole_file(text, settings, notes))


def _line_blocks(
    file: SourceFile, text: Iterator[str], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Block]:
    is_first = True
    for block in whole_lines(text):
        if is_first and file.live is None:
            remark_on_parts(file, block, notes)
        is_first = False
        yield line_splitter.split_lines(block, settings, notes)


def _row_documents(
    rows: Iterator[Row], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Document]:
    for row in rows:
        if row.fault is not None:
            notes.count_skipped(row.fault)
            continue
        changes: set[Change] = set()
        text = clean_fields(row.fields, settings, changes)
        if text.strip():
            notes.count_text(changes, blank=False)
            label = None if row.label is None else replace_surrogates(row.label)
            yield Document(text=text, label=label)
        elif any(map(str.strip, row.fields)):
            notes.count_text(changes, blank=True)


def clean_fields(
    fields: Sequence[str], settings: TextSettings, changes: set[Change] | None = None
) -> str:
    """Return the text of a row: its cleaned non-empty fields, joined by a space."""
    return " ".join(filter(None, (clean_document(field, settings, changes) for field in fields)))


def _part_documents(
    file: SourceFile, text: Iterator[str], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Document]:
    for part in split_parts(file, whole_lines(text), settings):
        yield from _clean_texts(part, settings, notes)


def _whole_file(
    blocks: Iterator[str], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Document]:
    yield from _clean_texts("".join(blocks), settings, notes)


def _clean_texts(text: str, settings: TextSettings, notes: ReadingNotes) -> Iterator[Document]:
    """Yield a text cleaned, unless it is blank or becomes so."""
    if not text.strip():
        return
    changes: set[Change] = set()
    cleaned = clean_document(text, settings, changes)
    notes.count_text(changes, blank=not cleaned.strip())
    if cleaned.strip():
        yield Document(text=cleaned)


def _stream_blocks(
    blocks: Iterator[str], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Block]:
    """Yield a file as one document, chunk by chunk; nothing if it is blank."""
    held: list[str] = []
    changes: set[Change] = set()
    blank = True
    for chunk in line_chunks(blocks, translate=settings.clean):
        if not blank:
            yield _chunk_block(held, unfinished=True)
            held = []
        is_clean = settings.clean and line_splitter.is_known_clean(chunk)
        unchanged = is_clean and not settings.mask_digits
        held.append(chunk if unchanged else clean_document(chunk, settings, changes))
        blank = blank and not held[-1].strip()
    if not blank:
        notes.count_text(changes, blank=False)
        yield _chunk_block(held, unfinished=False)


def _chunk_block(texts: Sequence[str], *, unfinished: bool) -> Block:
    units = code_units("".join(texts), "char")
    return Block(codes=units, lengths=np.array([len(units)]), unfinished=unfinished)
