"""Texts in memory become a file of JSON lines, which is read like any other.

A list, an iterator, a table of pandas, polars, pyarrow or datasets: none of these packages is
imported. Iterators are read once, so memory holds one text, or one batch of a table.
"""

import json
import numbers
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.data.source_file import SourceFile
from charloom.errors import SourceError
from charloom.files import exists
from charloom.formatting import summarize

TEXT: Final = "text"
LABEL: Final = "label"
"""Names of the columns of the file."""

_MIN_WORDS: Final = 5
_MAX_NAME: Final = 255
"""A source with so many words, or more characters, is rather a text than a name."""

_Item = tuple[Any, Any]
"""A text and its label, None if there is none."""


def spool(
    texts: Any,
    path: Path,
    *,
    argument: str = "texts",
    columns: Sequence[str] = (),
    label_column: str | None = None,
) -> SourceFile:
    """Write ``texts`` into the file ``path``, one JSON object in a line.

    ``argument`` is their name in messages. ``columns`` and ``label_column`` are those of a table;
    several columns are joined by a space. Raises SourceError for an item that is no text, a table
    without its columns, and if there are no texts at all; OSError if the file cannot be written.
    """
    items = _items(texts, argument, columns, label_column)
    count, has_labels = 0, False
    with path.open("w", encoding="ascii") as file:
        for position, (text, label) in enumerate(items):
            if not isinstance(text, str):
                raise not_a_text(argument, position, text)
            record = {TEXT: text, LABEL: None if label is None else _label(label)}
            file.write(json.dumps(record) + "\n")
            count, has_labels = count + 1, has_labels or record[LABEL] is not None
    if not count:
        raise SourceError(f"{argument} is empty; at least one text is needed.")
    own_columns = TEXT, LABEL if has_labels else None
    return SourceFile(path=path, name=argument, format="jsonl", own_columns=own_columns)


def not_a_text(argument: str, position: int, value: object) -> SourceError:
    """Return the error on an item of ``argument`` that is no text."""
    return SourceError(
        f"{argument}[{position}] is {_shown(value)}; a text is needed: leave such items out, or "
        "convert them with str()."
    )


def _items(
    texts: Any, argument: str, columns: Sequence[str], label_column: str | None
) -> Iterator[_Item]:
    if isinstance(texts, str | bytes):
        raise SourceError(
            f"{argument} is one string; give a list of texts, such as {argument}=[text], or the "
            "name of a file as the first argument."
        )
    names = _column_names(texts)
    if names is not None:
        chosen = _choose_columns(names, argument, columns, label_column)
        for *parts, label in _table_rows(texts, [*chosen, label_column]):
            yield _join(parts), label
        return
    if columns or label_column is not None:
        option = "column" if columns else "label_column"
        raise SourceError(
            f"{option} was given, but {argument} is no table; leave it out, or give a DataFrame."
        )
    if not isinstance(texts, Iterable):
        raise SourceError(
            f"{argument} is {_shown(texts)}; a list or another iterable of texts is needed."
        )
    for item in texts:
        is_pair = isinstance(item, tuple) and len(item) == 2
        yield item if is_pair else (item, None)


def _column_names(texts: Any) -> list[str] | None:
    """Return the names of the columns of a table, None if ``texts`` is none."""
    for attribute in ("column_names", "columns"):
        names = getattr(texts, attribute, None)
        if names is not None and not callable(names) and not isinstance(names, str):
            return [str(name) for name in names]
    return None


def _choose_columns(
    names: Sequence[str], argument: str, columns: Sequence[str], label_column: str | None
) -> list[str]:
    """Return the columns of texts: those given, or the only one beside the labels."""
    for name in filter(None, [*columns, label_column]):
        if name not in names:
            raise SourceError(f"{argument} has no column {name!r}; there are: {summarize(names)}.")
    others = [name for name in names if name != label_column]
    if columns or len(others) == 1:
        return list(columns or others)
    raise SourceError(
        f"{argument} is a table of {len(others)} columns: {summarize(others)}; name that of the "
        "texts with column=."
    )


def _table_rows(table: Any, names: Sequence[str | None]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of columns, row by row; None for a column None."""
    if hasattr(table, "to_batches"):  # pyarrow
        for batch in table.to_batches():
            columns = [
                [None] * batch.num_rows if name is None else batch.column(name).to_pylist()
                for name in names
            ]
            yield from zip(*columns, strict=True)
    elif hasattr(table, "column_names"):  # datasets
        for row in table:
            yield tuple(None if name is None else row[name] for name in names)
    else:  # pandas, polars
        columns = [[None] * len(table) if name is None else table[name] for name in names]
        yield from zip(*columns, strict=True)


def _join(parts: list[Any]) -> Any:
    """Return the texts of columns joined by a space, or the first that is no text."""
    wrong = [part for part in parts if not isinstance(part, str)]
    return wrong[0] if wrong else " ".join(parts)


def _label(label: Any) -> str | None:
    """Return a label as text; a missing one, which is not equal to itself, is None."""
    if isinstance(label, str):
        return label
    try:
        is_missing = bool(label != label)  # noqa: PLR0124
    except TypeError:  # pandas' NA has no truth value
        is_missing = True
    if is_missing:
        return None
    return (
        str(int(label))
        if isinstance(label, numbers.Integral) and not isinstance(label, bool)
        else str(label)
    )


def _shown(value: object) -> str:
    kind = type(value).__name__
    return "None" if value is None else f"{value!r:.40} ({kind})"


def looks_like_text(name: str) -> bool:
    """Return whether a source is a text, of several lines or many words.

    >>> [looks_like_text(name) for name in ("a.txt", "my file.txt", "To be, or not to be")]
    [False, False, True]
    """
    if "\n" in name.strip():
        return True
    if len(name.split()) < _MIN_WORDS and len(name) <= _MAX_NAME:
        return False
    try:
        return not exists(Path(name))
    except OSError:  # a name that is too long for the system
        return True
