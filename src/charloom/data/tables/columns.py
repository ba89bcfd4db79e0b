"""Choose the columns of a table: those in the settings, or the only one of texts."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.errors import SourceError
from charloom.settings import TextSettings
from charloom.text.symbols import replace_surrogates

SAMPLE_ROWS: Final = 200
"""First rows from which the column of texts is guessed."""

_MAX_COLUMNS_SHOWN: Final = 30
_MAX_NAME_CHARACTERS: Final = 40
_MAX_EXAMPLE_CHARACTERS: Final = 24
_MAX_COLUMN_DIGITS: Final = 9
"""Digits of a column number; Python refuses to parse thousands of them."""
_MIN_DISTINCT: Final = 0.5
"""Fraction of distinct values from which a column is no category."""
_MIN_CATEGORY_ROWS: Final = 10
_MAX_HEADER_CHARACTERS: Final = 40
"""A longer name of a column is rather a text in a file without a header."""
_CODE: Final = re.compile(
    r"[\W\d]*"  # numbers, dates, times, sums
    r"|[\W\d]*\d+\s?(?:[a-z]{1,3}|AM|PM)"  # 12kg, 3:45 PM
    r"|(?=\S*\d)[0-9a-fA-F-]{8,}"  # digests, UUIDs
    r"|\d{4}-\d\d-\d\dT\S+"
    r"|\w+://\S*|www\.\S*|\S+@\S+\.\w+"  # addresses
    r"|true|false|yes|no|null|none|n/?a",
    re.IGNORECASE,
)
"""Values that are no texts."""


class Row(NamedTuple):
    """One row of a table."""

    line: int
    """Line of the file in which it begins, from 1; in parquet, the number of the row."""
    fields: list[str]
    """The chosen fields as they were given, in the order of the columns in the settings."""
    label: str | None
    """The label, None if there is none."""
    fault: str | None = None
    """Why the row could not be read; its fields are empty then."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns to read."""

    positions: list[int]
    """Index in a row of each chosen field, from 0, then that of the label if there is one."""
    has_label: bool

    def to_row(self, line: int, values: Sequence[str]) -> Row:
        """Return the values at ``positions`` as a row."""
        if not self.has_label:
            return Row(line, list(values), None)
        return Row(line, list(values[:-1]), values[-1].strip() or None)


def faulty_row(line: int, error: SourceError, settings: TextSettings) -> Row:
    """Return a row that only has a fault; with errors ``strict``, raise the error."""
    if settings.errors == "strict":
        raise error
    return Row(line, [], None, fault=str(error))


def select_columns(
    file: SourceFile,
    settings: TextSettings,
    notes: ReadingNotes,
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    hint: str = "",
) -> Columns:
    """Return the chosen columns.

    Without a choice it is ``text``, the only column, or the only one that holds texts in the rows
    of ``sample``. Raises SourceError if a column is missing, or must be chosen; ``hint`` may give
    the message a reason.
    """
    positions = [_find_column(file, names, name, "--column", hint) for name in settings.columns]
    label = settings.label_column
    label_position = (
        None if label is None else _find_column(file, names, label, "--label-column", hint)
    )
    positions = positions or [_only_column(file, notes, names, sample, label_position)]
    if label_position is not None:
        positions.append(label_position)
    return Columns(positions=positions, has_label=label is not None)


def _find_column(
    file: SourceFile, names: Sequence[str], column: str, option: str, hint: str
) -> int:
    if column in names:
        return names.index(column)
    is_number = column.isdecimal() and len(column) <= _MAX_COLUMN_DIGITS
    if is_number and 1 <= int(column) <= len(names):
        return int(column) - 1
    raise SourceError(
        f"{file.name} has no column {shorten(column)!r}; it has {format_names(names)}{hint}; "
        f"give one of them with {option}, by name or by number from 1."
    )


def _only_column(
    file: SourceFile,
    notes: ReadingNotes,
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    label_position: int | None,
) -> int:
    if "text" in names:
        return names.index("text")
    if len(names) == 1:
        return 0
    columns = [[row[k] for row in sample if k < len(row)] for k in range(len(names))]
    texts = [k for k, values in enumerate(columns) if k != label_position and _holds_texts(values)]
    if len(texts) == 1:
        notes.add_remark(
            "column",
            f"{file.name}: its texts are taken from column {shorten(names[texts[0]])!r}; --column "
            "chooses another.",
        )
        return texts[0]
    examples = [
        f"{shorten(name)} ({_example(values)})" if values else shorten(name)
        for name, values in zip(names, columns, strict=True)
    ]
    doubt = any(len(name) > _MAX_HEADER_CHARACTERS or _CODE.fullmatch(name) for name in names)
    header = "; add --no-header if its first row is a text" if doubt else ""
    raise SourceError(
        f"{file.name} has {len(names)} columns: {_format_list(examples)}; one of them, or several, "
        f"must be chosen; choose with --column, by name or by number from 1{header}."
    )


def _holds_texts(values: Sequence[str]) -> bool:
    """Return whether values of a column are texts, not numbers, codes or categories."""
    filled = [value.strip() for value in values if value.strip()]
    if 2 * sum(_CODE.fullmatch(value) is None for value in filled) <= len(filled):
        return False
    return len(filled) < _MIN_CATEGORY_ROWS or len(set(filled)) > _MIN_DISTINCT * len(filled)


def _example(values: Sequence[str]) -> str:
    example = " ".join(next(filter(str.strip, values), "").split())
    return shorten(example, _MAX_EXAMPLE_CHARACTERS) or "blank"


def format_names(names: Sequence[str]) -> str:
    """Return the first names, shortened."""
    return _format_list([shorten(name) for name in names])


def _format_list(items: Sequence[str]) -> str:
    shown = replace_surrogates(", ".join(items[:_MAX_COLUMNS_SHOWN]))
    return shown + (", ..." if len(items) > _MAX_COLUMNS_SHOWN else "")


def shorten(name: str, limit: int = _MAX_NAME_CHARACTERS) -> str:
    """Return ``name`` on one line, cut after ``limit`` characters."""
    name = " ".join(name.splitlines())
    return name if len(name) <= limit else name[:limit] + "..."
