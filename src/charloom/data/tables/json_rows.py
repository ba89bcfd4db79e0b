"""Rows of JSON: lines of objects or texts, or one value with an array of them."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.data.tables.columns import (
    SAMPLE_ROWS,
    Columns,
    Row,
    faulty_row,
    format_names,
    select_columns,
    shorten,
)
from charloom.data.text_files import whole_lines
from charloom.errors import SourceError
from charloom.settings import TextSettings

_Record = tuple[int, Mapping[str, Any] | SourceError]
"""Line of an object, and the object or why it could not be read."""

_TEXT: Final = "text"
"""Name of the only column of records that are plain texts."""
_SPACE: Final = " \t\r\n"

_MAX_TOKEN: Final = 16
"""An error so close to the end of a part may be due to a word or escape that is cut off."""


class _Number(str):
    """A number as it is spelled, with any number of digits."""


_JSON: Final = json.JSONDecoder(parse_int=_Number, parse_float=_Number)


def read_json_lines(
    file: SourceFile, lines: Iterator[str], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Row]:
    """Yield the rows of JSON lines: each is an object, or a text.

    Raises SourceError for another line, unless ``settings.errors`` allow for such lines.
    """
    records = (
        (number, _line_record(file, number, line))
        for number, line in enumerate(lines, start=1)
        if line.strip(_SPACE)
    )
    return _to_rows(file, records, settings, notes)


def read_json(
    file: SourceFile, blocks: Iterator[str], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Row]:
    """Yield the rows of JSON: lines, an array, or one value with one array inside.

    An array is read element by element. Raises SourceError.
    """
    head = list(itertools.islice((block for block in blocks if block.strip(_SPACE)), 1))
    every = itertools.chain(head, blocks)
    if "".join(head).lstrip(_SPACE).startswith("["):
        return _to_rows(file, _array_records(file, every), settings, notes)
    lines = (line for block in whole_lines(every) for line in block.split("\n"))
    first_lines = list(itertools.islice(_filled(lines), 2))
    every_line = itertools.chain(first_lines, lines)
    if len(first_lines) == 2 and _is_complete(first_lines[0]):
        return read_json_lines(file, every_line, settings, notes)
    return _to_rows(file, _document_records(file, every_line), settings, notes)


def _filled(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if line.strip(_SPACE))


def _is_complete(line: str) -> bool:
    try:
        _JSON.decode(line)
    except (ValueError, RecursionError):
        return False
    return True


def _line_record(file: SourceFile, number: int, line: str) -> Mapping[str, Any] | SourceError:
    reason = "not an object"
    try:
        record = _as_record(_JSON.decode(line))
        if record is not None:
            return record
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at column {error.colno}"
    except RecursionError:
        reason = "nested too deep"
    return SourceError(
        f"{file.name} is broken at line {number}: {reason}; each line must be one JSON object "
        'such as {"text": "..."}; mend that line.'
    )


def _as_record(value: object) -> Mapping[str, Any] | None:
    """Return an object, or a text as an object; None for other values."""
    if isinstance(value, str) and not isinstance(value, _Number):
        return {_TEXT: value}
    return value if isinstance(value, dict) else None


class _ArrayText:
    """The text of an array, of which only the part that is being read is in memory."""

    def __init__(self, file: SourceFile, blocks: Iterable[str]) -> None:
        self._file = file
        self._blocks = iter(blocks)
        self._text = ""
        self._position = 0
        self.line = 1

    def next_character(self) -> str:
        """Skip white space and return the next character, '' at the end."""
        while True:
            while self._position < len(self._text):
                character = self._text[self._position]
                if character not in _SPACE:
                    return character
                self.line += character == "\n"
                self._position += 1
            if not self._read_more():
                return ""

    def skip(self) -> None:
        """Skip one character."""
        self._position += 1

    def next_value(self) -> Any:
        """Return the value that begins here; raises SourceError if it is no JSON."""
        while True:
            try:
                value, end = _JSON.raw_decode(self._text, self._position)
            except RecursionError as error:
                raise self.error("nested too deep") from error
            except json.JSONDecodeError as error:
                # Or the value continues in the next blocks: as much again is read, so that the time
                # of all attempts grows with the length only.
                cut_off = error.pos + _MAX_TOKEN > len(self._text) or "Unterminated" in error.msg
                if not (cut_off and self._read_more(len(self._text) - self._position)):
                    raise self.error(error.msg) from error
            else:
                self.line += self._text.count("\n", self._position, end)
                self._position = end
                return value

    def error(self, reason: str) -> SourceError:
        """Return an error at the current line."""
        return SourceError(
            f"{self._file.name} is broken at line {self.line}: {reason}; a JSON array of objects "
            "or texts, or one object a line, is needed; mend that line."
        )

    def _read_more(self, characters: int = 1) -> bool:
        """Append blocks of at least ``characters``; return False at the end."""
        parts = [self._text[self._position :]]
        for block in self._blocks:
            parts.append(block)
            characters -= len(block)
            if characters <= 0:
                break
        self._text, self._position = "".join(parts), 0
        return len(parts) > 1


def _array_records(file: SourceFile, blocks: Iterable[str]) -> Iterator[_Record]:
    text = _ArrayText(file, blocks)
    text.next_character()
    text.skip()
    if text.next_character() == "]":
        return
    while True:
        if not text.next_character():
            raise text.error("the array is not closed")
        number, value = text.line, text.next_value()
        yield number, _element_record(file, number, value)
        following = text.next_character()
        text.skip()
        if following == "]":
            break
        if following != ",":
            raise text.error("a comma or ] is missing" if following else "the array is not closed")
    if text.next_character():
        raise text.error("text follows the array")


def _element_record(
    file: SourceFile, number: int, value: object
) -> Mapping[str, Any] | SourceError:
    record = _as_record(value)
    if record is not None:
        return record
    return SourceError(
        f"{file.name} has {_kind_of(value)} in its array in line {number}; its elements must be "
        "objects or texts; mend that line."
    )


def _document_records(file: SourceFile, lines: Iterable[str]) -> Iterator[_Record]:
    """Yield the elements of the only array of objects or texts in one JSON value."""
    try:
        value = _JSON.decode("\n".join(lines))
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{file.name} is broken at line {error.lineno}: {error.msg} at column {error.colno}; "
            "an array of objects or texts, or one object a line, is needed; mend that line."
        ) from error
    except RecursionError as error:
        raise SourceError(
            f"{file.name} is nested too deep; an array of objects or texts is needed; extract it."
        ) from error
    arrays = dict(_text_arrays(value))
    if len(arrays) != 1:
        found = f"{len(arrays)}: {format_names(list(arrays))}" if arrays else "none"
        raise SourceError(
            f"{file.name} must hold one array of objects or texts, it holds {found}; write that "
            "array to a file of its own."
        )
    (elements,) = arrays.values()
    yield from ((1, record) for record in elements)


def _text_arrays(value: object, path: str = "") -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Yield the arrays of objects or texts in objects, outermost ones, by their path."""
    if isinstance(value, list):
        records = [record for record in map(_as_record, value) if record is not None]
        if records and len(records) == len(value):
            yield path or "the whole", records
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _text_arrays(item, f"{path}.{name}" if path else name)


def _to_rows(
    file: SourceFile, records: Iterator[_Record], settings: TextSettings, notes: ReadingNotes
) -> Iterator[Row]:
    head = list(itertools.islice(records, SAMPLE_ROWS))
    samples = [record for _, record in head if not isinstance(record, SourceError)]
    names = list(samples[0]) if samples else []
    columns: Columns | None = None
    if samples:
        texts = [[_sample(record.get(name)) for name in names] for record in samples]
        columns = select_columns(file, settings, notes, names, texts)
    for number, record in itertools.chain(head, records):
        if isinstance(record, SourceError) or columns is None:
            assert isinstance(record, SourceError), "columns are known once there is a record"
            yield faulty_row(number, record, settings)
            continue
        try:
            values = [_to_text(file, number, record, names[k]) for k in columns.positions]
        except SourceError as error:
            yield faulty_row(number, error, settings)
        else:
            yield columns.to_row(number, values)


def _sample(value: object) -> str:
    return value if isinstance(value, str) and not isinstance(value, _Number) else ""


def _to_text(file: SourceFile, number: int, record: Mapping[str, Any], name: str) -> str:
    """Return a value as text; null becomes an empty text."""
    if name not in record:
        raise SourceError(
            f"{file.name} has no {shorten(name)!r} in line {number}; that line has "
            f"{format_names(list(record)) or 'nothing'}; give every line the same names."
        )
    value = record[name]
    if isinstance(value, list | dict):
        raise SourceError(
            f"{file.name} has a {type(value).__name__} as {shorten(name)!r} in line {number}; a "
            "text, number or null is needed; choose another with --column, or mend that line."
        )
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _kind_of(value: object) -> str:
    kinds = {list: "an array", bool: "a truth value", _Number: "a number"}
    return kinds.get(type(value), "null")
