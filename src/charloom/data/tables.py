"""Read the rows of tables: csv, tsv, jsonl and parquet files."""

import csv
import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from charloom.data.text_files import Progress, SourceFile, read_text, unreadable_error, whole_lines
from charloom.errors import SourceError
from charloom.settings import TextSettings
from charloom.text.symbols import replace_surrogates

Row = tuple[list[str], str | None]
"""The chosen fields, in the order of the columns in the settings, and the label."""

_MAX_COLUMNS_SHOWN = 30
_MAX_NAME_CHARACTERS = 40
_PARQUET_ROWS = 1 << 15
_MAX_COLUMN_DIGITS = 9
"""Digits of a column number; Python refuses to parse thousands of them."""

# Numbers keep their spelling, and have any number of digits.
_JSON = json.JSONDecoder(parse_int=str, parse_float=str)


def read_rows(
    file: SourceFile, settings: TextSettings, progress: Progress | None = None
) -> Iterator[Row]:
    """Yield each row of a table, not cleaned; an empty label is None.

    Raises SourceError if the file cannot be read, is damaged (with the line number), or lacks a
    column (with the columns that it has).
    """
    if file.format == "parquet":
        return _parquet_rows(file, settings, progress)
    lines = (
        line
        for block in whole_lines(read_text(file, settings.encoding, progress))
        for line in block.split("\n")
    )
    if file.format == "jsonl":
        return _json_rows(file, lines, settings)
    return _csv_rows(file, lines, settings)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Columns:
    """The columns to read."""

    positions: list[int]
    """Index in a row of each chosen field, from 0, then that of the label if there is one."""
    has_label: bool

    def to_row(self, values: Sequence[str]) -> Row:
        """Return the values at ``positions`` as a row."""
        if not self.has_label:
            return list(values), None
        return list(values[:-1]), replace_surrogates(values[-1].strip()) or None


def _select_columns(
    file: SourceFile, settings: TextSettings, names: Sequence[str], hint: str = ""
) -> _Columns:
    """Return the chosen columns.

    Raises SourceError if one is missing; ``hint`` may give the message a reason.
    """
    positions = [_find_column(file, names, name, "--column", hint) for name in settings.columns]
    positions = positions or [_only_column(file, names)]
    label = settings.label_column
    if label is not None:
        positions.append(_find_column(file, names, label, "--label-column", hint))
    return _Columns(positions=positions, has_label=label is not None)


def _find_column(
    file: SourceFile, names: Sequence[str], column: str, option: str, hint: str
) -> int:
    if column in names:
        return names.index(column)
    is_number = column.isdecimal() and len(column) <= _MAX_COLUMN_DIGITS
    if is_number and 1 <= int(column) <= len(names):
        return int(column) - 1
    raise SourceError(
        f"{file.name} has no column {_shorten(column)!r}; it has {_format_names(names)}{hint}; "
        f"give one of them with {option}, by name or by number from 1."
    )


def _only_column(file: SourceFile, names: Sequence[str]) -> int:
    if "text" in names:
        return names.index("text")
    if len(names) == 1:
        return 0
    raise SourceError(
        f"{file.name} has {len(names)} columns: {_format_names(names)}; one of them, or several, "
        "must be chosen; choose with --column, by name or by number from 1."
    )


def _format_names(names: Sequence[str]) -> str:
    shown = replace_surrogates(", ".join(map(_shorten, names[:_MAX_COLUMNS_SHOWN])))
    return shown + (", ..." if len(names) > _MAX_COLUMNS_SHOWN else "")


def _shorten(name: str) -> str:
    return name if len(name) <= _MAX_NAME_CHARACTERS else name[:_MAX_NAME_CHARACTERS] + "..."


def _separator_hint(row: Sequence[str]) -> str:
    """Return a hint on separators if the first row seems to use another one, else ''."""
    if len(row) == 1 and (";" in row[0] or "\t" in row[0]):
        return " (fields are separated by commas, in .tsv files by tabs)"
    return ""


def _has_header(file: SourceFile, settings: TextSettings) -> bool:
    if file.column_names:
        return False
    if settings.header is not None:
        return settings.header
    columns = [*settings.columns, *filter(None, [settings.label_column])]
    return not (columns and all(name.isdecimal() for name in columns))


def _csv_rows(file: SourceFile, lines: Iterable[str], settings: TextSettings) -> Iterator[Row]:
    csv.field_size_limit((1 << 31) - 1)  # the default limit of a field is 131,072
    delimiter = "\t" if file.format == "tsv" else ","
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    header = _has_header(file, settings)
    columns = None
    try:
        for row in filter(None, reader):
            if columns is None:
                numbers = [str(number) for number in range(1, len(row) + 1)]
                names = [name.strip() for name in row] if header else file.column_names or numbers
                columns = _select_columns(file, settings, names, _separator_hint(row))
                if header:
                    continue
            if max(columns.positions) >= len(row):
                raise SourceError(
                    f"{file.name} has {len(row)} columns in line {reader.line_num}; "
                    f"{max(columns.positions) + 1} are needed; give every row all its columns."
                )
            yield columns.to_row([row[position] for position in columns.positions])
    except csv.Error as error:
        raise SourceError(
            f"{file.name} is broken at line {reader.line_num}: {error}; a quoted field must be "
            'closed, and a quote inside it written twice (""); mend that line.'
        ) from error


def _json_rows(file: SourceFile, lines: Iterable[str], settings: TextSettings) -> Iterator[Row]:
    names: list[str] = []
    columns = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = _json_object(file, number, line)
        if columns is None:
            names = list(record)
            columns = _select_columns(file, settings, names)
        chosen = [names[position] for position in columns.positions]
        yield columns.to_row([_json_value(file, number, record, name) for name in chosen])


def _json_object(file: SourceFile, number: int, line: str) -> dict[str, Any]:
    reason = "not an object"
    try:
        record = _JSON.decode(line)
        if isinstance(record, dict):
            return record
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at column {error.colno}"
    except RecursionError:
        reason = "nested too deep"
    raise SourceError(
        f"{file.name} is broken at line {number}: {reason}; each line must be one JSON object "
        'such as {"text": "..."}; mend that line.'
    )


def _json_value(file: SourceFile, number: int, record: dict[str, Any], name: str) -> str:
    """Return a value as text; null becomes an empty text."""
    if name not in record:
        raise SourceError(
            f"{file.name} has no {_shorten(name)!r} in line {number}; that line has "
            f"{_format_names(list(record)) or 'nothing'}; give every line the same names."
        )
    value = record[name]
    if isinstance(value, list | dict):
        raise SourceError(
            f"{file.name} has a {type(value).__name__} as {_shorten(name)!r} in line {number}; a "
            "text, number or null is needed; choose another with --column, or mend that line."
        )
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _parquet_rows(
    file: SourceFile, settings: TextSettings, progress: Progress | None
) -> Iterator[Row]:
    import polars

    try:
        lazy = polars.scan_parquet(file.path, glob=False)
        columns = _select_columns(file, settings, lazy.collect_schema().names())
        count = lazy.select(polars.len()).collect().item()
        table = lazy.select(
            polars.nth(position).cast(polars.String).fill_null("").alias(str(index))
            for index, position in enumerate(columns.positions)
        )
        for start in range(0, count, _PARQUET_ROWS):
            for values in table.slice(start, _PARQUET_ROWS).collect().iter_rows():
                yield columns.to_row(values)
        if progress is not None:
            progress(file.path.stat().st_size)
    except OSError as error:
        raise unreadable_error(file.name, error) from error
    except polars.exceptions.PolarsError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{file.name} cannot be read as parquet: {reason}; a whole parquet file whose chosen "
            "columns are text is needed; fetch or write it again."
        ) from error
