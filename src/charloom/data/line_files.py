"""Read a file with one string a line, such as a list of words."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from charloom.data.decoding import INVALID, describe_invalid
from charloom.data.readers import read_blocks
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile, unreadable_error
from charloom.data.sources import resolve_sources
from charloom.data.text_files import read_marked_text, whole_lines
from charloom.errors import SourceError
from charloom.files import exists, is_dir, is_file
from charloom.settings import TextSettings
from charloom.text.cleaning import clean_document
from charloom.text.symbols import replace_surrogates


def read_lines(name: str, option: str) -> Iterator[str]:
    """Yield the lines that are not blank, without line ends; ``-`` is standard input.

    The text is UTF-8, and may be compressed (.gz, .zst, .xz, .bz2). A byte order mark is removed.
    Raises SourceError if the file is missing, cannot be read, is not UTF-8 or has blank lines only;
    messages name the ``option`` that it was given for.
    """
    _check_file(name, option)
    settings = TextSettings(errors="replace")
    has_lines = False
    for file in resolve_sources([name], TextSettings()):
        for line in _all_lines(file, settings):
            if line.strip():
                has_lines = True
                yield line
    if not has_lines:
        raise _no_lines_error(name, option)


def read_texts(name: str, option: str, settings: TextSettings) -> Iterator[str]:
    """Yield the cleaned texts of a file: its lines, or the rows of a table.

    ``settings`` clean them. A table is known by its suffix, such as .csv or .jsonl, and read in the
    columns of ``settings``; if there are none, in its only column of texts. Raises SourceError as
    ``read_lines``, and for a table without those columns.
    """
    _check_file(name, option)
    files = resolve_sources([name], TextSettings())
    if all(file.format == "text" for file in files):
        yield from (clean_document(line, settings) for line in read_lines(name, option))
        return
    # A list needs no labels.
    table = dataclasses.replace(settings, unit="line", label_column=None)
    for block in read_blocks(files, table):
        yield from block.texts()


def _check_file(name: str, option: str) -> None:
    path = Path(name)
    try:
        if name != "-" and (not exists(path) or is_dir(path)):
            raise SourceError(
                f"{option} is {replace_surrogates(name)!r:.200}, which is no file; give a file of "
                "text with one string a line."
            )
        if is_file(path) and path.stat().st_size == 0:
            raise _no_lines_error(name, option)
    except OSError as error:
        raise unreadable_error(name, error) from error


def _all_lines(file: SourceFile, settings: TextSettings) -> Iterator[str]:
    number = 0
    for block in whole_lines(read_marked_text(file, settings, ReadingNotes())):
        for line in block.split("\n"):
            number += 1
            if INVALID in line:
                place = describe_invalid(file, settings.encoding, number)
                raise SourceError(f"{place}; save it as UTF-8.")
            yield line


def _no_lines_error(name: str, option: str) -> SourceError:
    return SourceError(
        f"{option} is {replace_surrogates(name)!r:.200}, which has no line that is not blank; give "
        "a file of text with one string a line."
    )
