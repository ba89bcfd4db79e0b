"""Read source files as cleaned, non-blank documents, in bounded memory."""

from collections.abc import Iterator, Sequence

import numpy as np

from charloom.data import line_splitter
from charloom.data.tables import read_rows
from charloom.data.text_files import Progress, SourceFile, line_chunks, read_text, whole_lines
from charloom.errors import SourceError
from charloom.settings import TextSettings
from charloom.text.cleaning import clean_document
from charloom.text.documents import Block, Document, to_blocks, to_documents
from charloom.text.symbols import code_units


def read_documents(
    files: Sequence[SourceFile], settings: TextSettings, progress: Progress | None = None
) -> Iterator[Document]:
    """Yield the non-blank documents of ``files``, cleaned according to ``settings``.

    A row of a table is one document, whatever the unit. In a text file, each line is one with unit
    ``line``; with other units the file is. Columns, labels and headers apply to tables only.
    Memory holds a block, or one document if that is larger. Raises SourceError.
    """
    return to_documents(read_blocks(files, settings, progress))


def read_blocks(
    files: Sequence[SourceFile], settings: TextSettings, progress: Progress | None = None
) -> Iterator[Block]:
    """Yield the documents of ``read_documents`` in blocks.

    A file with unit ``stream`` may span many blocks. Memory holds a block, or one line if that is
    larger; with unit ``document``, one document.
    """
    _check_columns(files, settings)
    has_text = False
    for file in files:
        for block in _file_blocks(file, settings, progress):
            if len(block.lengths):
                has_text = True
                yield block
    if not has_text:
        names = ", ".join(file.name for file in files)
        raise SourceError(
            f"no text in {names}: only blank lines or fields; at least one that is not blank is "
            "needed; give another source or column."
        )


def _check_columns(files: Sequence[SourceFile], settings: TextSettings) -> None:
    table_options = {
        "--column": bool(settings.columns),
        "--label-column": settings.label_column is not None,
        "--header": settings.header is True,
        "--no-header": settings.header is False,
    }
    given = [option for option, is_given in table_options.items() if is_given]
    if given and all(file.format == "text" for file in files):
        raise SourceError(
            f"{given[0]} was given, but {', '.join(file.name for file in files)} has no columns; "
            "columns are read from .csv, .tsv, .jsonl and .parquet files; leave the option out or "
            "rename the file."
        )


def _file_blocks(
    file: SourceFile, settings: TextSettings, progress: Progress | None
) -> Iterator[Block]:
    if file.format != "text":
        return to_blocks(_row_documents(file, settings, progress))
    text = read_text(file, settings.encoding, progress)
    if settings.unit == "line":
        return (line_splitter.split_lines(block, settings) for block in whole_lines(text))
    if settings.unit == "stream":
        return _stream_blocks(text, settings)
    return to_blocks(_whole_file(text, settings))


def _row_documents(
    file: SourceFile, settings: TextSettings, progress: Progress | None
) -> Iterator[Document]:
    for fields, label in read_rows(file, settings, progress):
        text = " ".join(filter(None, (clean_document(field, settings) for field in fields)))
        if text.strip():
            yield Document(text=text, label=label)


def _whole_file(blocks: Iterator[str], settings: TextSettings) -> Iterator[Document]:
    text = clean_document("".join(blocks), settings)
    if text.strip():
        yield Document(text=text)


def _stream_blocks(blocks: Iterator[str], settings: TextSettings) -> Iterator[Block]:
    """Yield a file as one document, chunk by chunk; nothing if it is blank."""
    held: list[str] = []
    blank = True
    for chunk in line_chunks(blocks, translate=settings.clean):
        if not blank:
            yield _chunk_block(held, unfinished=True)
            held = []
        clean = settings.clean and line_splitter.is_known_clean(chunk)
        held.append(chunk if clean else clean_document(chunk, settings))
        blank = blank and not held[-1].strip()
    if not blank:
        yield _chunk_block(held, unfinished=False)


def _chunk_block(texts: Sequence[str], *, unfinished: bool) -> Block:
    units = code_units("".join(texts), "char")
    return Block(codes=units, lengths=np.array([len(units)]), unfinished=unfinished)
