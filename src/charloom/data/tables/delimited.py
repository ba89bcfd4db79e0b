"""Rows of delimited text: csv, tsv, and any text file with a delimiter."""

import csv
import dataclasses
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.data.tables.columns import SAMPLE_ROWS, Row, faulty_row, select_columns
from charloom.errors import SourceError
from charloom.formatting import format_count
from charloom.settings import TextSettings

_Record = tuple[int, list[str] | csv.Error]
"""Line in which a row begins, and its fields or the error."""

_SNIFFED: Final = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SNIFFED_LINES: Final = 20
_UNQUOTED: Final = frozenset("\t ")
"""Delimiters whose fields have no quotes in files that are not .csv or .tsv."""
_MAX_FIELD_CHARACTERS: Final = (1 << 31) - 1
"""The module csv refuses fields of more than 131,072 by default."""
_MAX_RECORD_LINES: Final = 1000
"""Lines of a row in lenient reading: an unclosed quote must not hide the rest of a pipe."""


def read_delimited(
    file: SourceFile, lines: Iterator[str], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Row]:
    """Yield the rows of delimited text; ``lines`` have no line ends.

    Raises SourceError for a row that is broken or has another number of columns than the first,
    unless ``settings.errors`` allow for such rows.
    """
    head = list(itertools.islice(lines, _SNIFFED_LINES))
    first_line = 1
    delimiter = _stated_delimiter(head)
    if delimiter is not None:
        first_line, head = 2, head[1:]
    delimiter = delimiter or settings.delimiter_character or _guess(file, head, settings, notes)
    has_quotes = file.format != "delimited" or delimiter not in _UNQUOTED
    layout = _Layout(
        delimiter,
        has_quotes=has_quotes,
        first_line=first_line,
        spaced_columns=_spaced_columns(file, settings),
    )
    lenient = settings.errors != "strict"
    records = layout.records(itertools.chain(head, lines), lenient=lenient)
    return _to_rows(file, records, settings, notes)


def _stated_delimiter(head: Sequence[str]) -> str | None:
    """Return the delimiter that a first line such as ``sep=;`` states."""
    first = head[0].strip().lower() if head else ""
    return first[-1] if first.startswith("sep=") and len(first) == len("sep=;") else None


def _guess(
    file: SourceFile, head: Sequence[str], settings: TextSettings, notes: ReadingNotes
) -> str:
    """Return the usual delimiter, or another one if the header does not hold it."""
    usual = "\t" if file.format == "tsv" else ","
    filled = [line for line in head if line.strip()]
    expects_one = settings.header is False and not settings.columns and not settings.label_column
    if expects_one or not filled or len(_fields(filled[0], usual)) > 1:
        return usual
    for delimiter, name in _SNIFFED.items():
        widths = [len(_fields(line, delimiter)) for line in filled]
        # Quoted fields may span lines, so a few lines may differ.
        if widths[0] > 1 and widths.count(widths[0]) >= 0.8 * len(widths):
            notes.add_remark(
                "delimiter",
                f"{file.name}: its columns are separated by {name}; --delimiter chooses another.",
            )
            return delimiter
    return usual


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]


@dataclasses.dataclass(frozen=True)
class _Layout:
    """How fields are separated."""

    delimiter: str
    _: dataclasses.KW_ONLY
    has_quotes: bool
    first_line: int
    """Number of the first line that is read."""
    spaced_columns: int
    """Columns between white space; 0: as many as the first line has."""

    def records(self, lines: Iterable[str], *, lenient: bool) -> Iterator[_Record]:
        """Yield the fields of each record, with ``lenient`` also after a broken one."""
        csv.field_size_limit(_MAX_FIELD_CHARACTERS)
        if self.delimiter == " ":
            return self._spaced_records(lines)
        if lenient and self.has_quotes:
            return self._lenient_records(lines)
        return self._strict_records(lines)

    def _reader(self, lines: Iterator[str]) -> "csv._reader":  # type: ignore[name-defined]
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if self.has_quotes else csv.QUOTE_NONE,
        )

    def _spaced_records(self, lines: Iterable[str]) -> Iterator[_Record]:
        """Yield fields between white space; the last column takes the rest of its line."""
        width = self.spaced_columns
        for number, line in enumerate(lines, self.first_line):
            fields = line.split(maxsplit=width - 1)
            width = width or len(fields)
            yield number, fields

    def _strict_records(self, lines: Iterable[str]) -> Iterator[_Record]:
        reader = self._reader(line + "\n" for line in lines)
        number = self.first_line
        try:
            for record in reader:
                yield number, record
                number = self.first_line + reader.line_num
        except csv.Error as error:
            yield self.first_line + reader.line_num - 1, error

    def _lenient_records(self, lines: Iterable[str]) -> Iterator[_Record]:
        source = _ReturnedLines(lines)
        reader = self._reader(source)
        number = self.first_line
        while True:
            source.record.clear()
            try:
                fields = next(reader, None)
            except csv.Error as error:
                yield number, error
                source.return_lines()
                reader = self._reader(source)
            else:
                if fields is None:
                    return
                yield number, fields
            number += len(source.record)


class _ReturnedLines:
    """Lines that can be given back, to read them again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()
        self.record: list[str] = []
        """Lines of the record that is being read."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.record) >= _MAX_RECORD_LINES:
            raise csv.Error("a quote is not closed")
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.record.append(line)
        return line + "\n"

    def return_lines(self) -> None:
        """Return all lines of a record but the first, to be read again."""
        self._returned.extendleft(reversed(self.record[1:]))
        del self.record[1:]


def _to_rows(
    file: SourceFile, records: Iterator[_Record], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Row]:
    head = list(itertools.islice(records, SAMPLE_ROWS))
    samples = [fields for _, fields in head if fields and not isinstance(fields, csv.Error)]
    if not samples:
        for number, error in head:
            if isinstance(error, csv.Error):
                yield faulty_row(number, _broken_error(file, number, error), settings)
        return
    first = samples[0]
    has_header = _has_header(file, settings)
    numbers = [str(number) for number in range(1, len(first) + 1)]
    names = [name.strip() for name in first] if has_header else file.column_names or numbers
    hint = _delimiter_hint(first)
    columns = select_columns(file, settings, notes, names, samples[has_header:], hint)
    needed, width = max(columns.positions) + 1, len(names)
    is_header = has_header
    for number, fields in itertools.chain(head, records):
        if isinstance(fields, csv.Error):
            yield faulty_row(number, _broken_error(file, number, fields), settings)
        elif not fields:  # a blank line, which is a blank text only where lines are texts
            if len(names) == 1 and not is_header:
                yield columns.to_row(number, [""])
        elif is_header:
            is_header = False
        elif not needed <= len(fields) <= width and _is_ragged(fields, needed, width):
            width_error = _width_error(file, number, len(fields), needed, width)
            yield faulty_row(number, width_error, settings)
        else:
            chosen = [fields[position] for position in columns.positions]
            yield columns.to_row(number, chosen)


def _is_ragged(fields: Sequence[str], needed: int, width: int) -> bool:
    """Return whether a row lacks columns, or has filled ones beyond ``width``."""
    return len(fields) < needed or any(map(str.strip, fields[width:]))


def _spaced_columns(file: SourceFile, settings: TextSettings) -> int:
    if _has_header(file, settings) or not settings.columns:
        return 0
    columns = [*settings.columns, settings.label_column or "1"]
    numbers = [int(column) for column in columns if column.isdecimal() and len(column) < 5]
    return max([2, *numbers])


def _has_header(file: SourceFile, settings: TextSettings) -> bool:
    if file.column_names:
        return False
    if settings.header is not None:
        return settings.header
    columns = [*settings.columns, *filter(None, [settings.label_column])]
    return not (columns and all(name.isdecimal() for name in columns))


def _delimiter_hint(row: Sequence[str]) -> str:
    """Return a hint on delimiters if the first row seems to use another one, else ''."""
    if len(row) == 1 and any(character in row[0] for character in ",;\t|"):
        return "; name the character between its columns with --delimiter"
    return ""


def _width_error(
    file: SourceFile, line: int, width: int, needed: int, expected: int
) -> SourceError:
    columns = format_count(width, "column")
    if width < needed:
        return SourceError(
            f"{file.name} has {columns} in line {line}; {needed} are needed; give every row all "
            "its columns."
        )
    return SourceError(
        f"{file.name} has {columns} in line {line}; its first row has {expected}; put quotes "
        "around a field that holds the delimiter, or name another with --delimiter."
    )


def _broken_error(file: SourceFile, line: int, error: object) -> SourceError:
    return SourceError(
        f"{file.name} is broken at line {line}: {error}; a quoted field must be closed, and a "
        'quote inside it written twice (""); mend that line.'
    )
