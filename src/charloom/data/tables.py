"""Rows of csv, tsv, jsonl and parquet files: the chosen columns, and the column of labels."""

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
"""The chosen fields in the order in which they were asked for, and the label."""

_MAX_COLUMNS_SHOWN = 30
_MAX_NAME_CHARACTERS = 40
_PARQUET_ROWS = 1 << 15
_MAX_COLUMN_DIGITS = 9
"""More than a column's number has; Python refuses to read thousands of them."""

# Numbers stay as they are written: a text has no limit to their digits.
_JSON = json.JSONDecoder(parse_int=str, parse_float=str)


def read_rows(
    file: SourceFile, settings: TextSettings, progress: Progress | None = None
) -> Iterator[Row]:
    """Yield each row of a table, not cleaned; an empty label is None.

    Raises SourceError for a file that cannot be read or is damaged (with the line's number), and
    for a column that is not there (with the columns that are).
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
    """Where in a row the chosen fields stand, from 0, and last the label, if one is asked for."""

    positions: list[int]
    has_label: bool

    def to_row(self, values: Sequence[str]) -> Row:
        """Take apart the values that stand at ``positions``."""
        if not self.has_label:
            return list(values), None
        return list(values[:-1]), replace_surrogates(values[-1].strip()) or None


def _select_columns(
    file: SourceFile, settings: TextSettings, names: Sequence[str], remark: str = ""
) -> _Columns:
    """Find the columns that are asked for; ``remark`` explains why one may not be there."""
    positions = [_position(file, names, asked, "--column", remark) for asked in settings.columns]
    positions = positions or [_only_column(file, names)]
    label = settings.label_column
    if label is not None:
        positions.append(_position(file, names, label, "--label-column", remark))
    return _Columns(positions=positions, has_label=label is not None)


def _position(file: SourceFile, names: Sequence[str], asked: str, option: str, remark: str) -> int:
    if asked in names:
        return names.index(asked)
    if asked.isdecimal() and len(asked) <= _MAX_COLUMN_DIGITS and 1 <= int(asked) <= len(names):
        return int(asked) - 1
    raise SourceError(
        f"{file.name} has no column {_shorten(asked)!r}; it has {_format_names(names)}{remark}; give one "
        f"of them with {option}, by name or by number from 1."
    )


def _only_column(file: SourceFile, names: Sequence[str]) -> int:
    if "text" in names:
        return names.index("text")
    if len(names) == 1:
        return 0
    raise SourceError(
        f"{file.name} has {len(names)} columns: {_format_names(names)}; one of them, or several, must be "
        "chosen; say which with --column, by name or by number from 1."
    )


def _format_names(names: Sequence[str]) -> str:
    shown = replace_surrogates(", ".join(map(_shorten, names[:_MAX_COLUMNS_SHOWN])))
    return shown + (", ..." if len(names) > _MAX_COLUMNS_SHOWN else "")


def _shorten(name: str) -> str:
    return name if len(name) <= _MAX_NAME_CHARACTERS else name[:_MAX_NAME_CHARACTERS] + "..."


def _separator_hint(row: Sequence[str]) -> str:
    """Return a remark on what separates fields, if the first row looks like it was not split."""
    if len(row) == 1 and (";" in row[0] or "\t" in row[0]):
        return " (fields are separated by commas, in .tsv files by tabs)"
    return ""


def _has_header(file: SourceFile, settings: TextSettings) -> bool:
    if file.column_names:
        return False
    if settings.header is not None:
        return settings.header
    asked = [*settings.columns, *filter(None, [settings.label_column])]
    return not (asked and all(name.isdecimal() for name in asked))


def _csv_rows(file: SourceFile, lines: Iterable[str], settings: TextSettings) -> Iterator[Row]:
    csv.field_size_limit((1 << 31) - 1)  # the default refuses a field of more than 131,072
    delimiter = "\t" if file.format == "tsv" else ","
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    header = _has_header(file, settings)
    choice = None
    try:
        for row in filter(None, reader):
            if choice is None:
                numbers = [str(number) for number in range(1, len(row) + 1)]
                names = [name.strip() for name in row] if header else file.column_names or numbers
                choice = _select_columns(file, settings, names, _separator_hint(row))
                if header:
                    continue
            if max(choice.positions) >= len(row):
                raise SourceError(
                    f"{file.name} has {len(row)} columns in line {reader.line_num}; "
                    f"{max(choice.positions) + 1} are needed; give every row all its columns."
                )
            yield choice.to_row([row[position] for position in choice.positions])
    except csv.Error as error:
        raise SourceError(
            f"{file.name} is broken at line {reader.line_num}: {error}; a quoted field must be "
            'closed, and a quote inside it written twice (""); mend that line.'
        ) from error


def _json_rows(file: SourceFile, lines: Iterable[str], settings: TextSettings) -> Iterator[Row]:
    names: list[str] = []
    choice = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = _json_object(file, number, line)
        if choice is None:
            names = list(record)
            choice = _select_columns(file, settings, names)
        wanted = [names[position] for position in choice.positions]
        yield choice.to_row([_json_value(file, number, record, name) for name in wanted])


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
    """Return a value as text; null is no text."""
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
        choice = _select_columns(file, settings, lazy.collect_schema().names())
        count = lazy.select(polars.len()).collect().item()
        table = lazy.select(
            polars.nth(position).cast(polars.String).fill_null("").alias(str(place))
            for place, position in enumerate(choice.positions)
        )
        for start in range(0, count, _PARQUET_ROWS):
            for values in table.slice(start, _PARQUET_ROWS).collect().iter_rows():
                yield choice.to_row(values)
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
