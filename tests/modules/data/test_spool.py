"""Texts in memory, whatever holds them, become the documents that a file of them would be."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charloom.data.reading_notes import ReadingNotes
from charloom.data.sources import read_documents, resolve_sources
from charloom.data.spool import looks_like_text, spool
from charloom.errors import SourceError
from charloom.settings import TextSettings

TEXTS = ["plain", "two\nlines", "\u2028 \0 é \ud800", '{"a": 1}', "true"]
CLEANED = ["plain", "two\nlines", "\u2028 \0 é \ufffd", '{"a": 1}', "true"]


def read(texts: Any, folder: Path, **options: Any) -> list[tuple[str, str | None]]:
    file = spool(texts, folder / "t.jsonl", **options)
    settings = TextSettings(clean=False)
    found = read_documents(resolve_sources([file], settings), settings, None, ReadingNotes())
    return [(document.text, document.label) for document in found]


def refused(texts: Any, folder: Path, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        spool(texts, folder / "t.jsonl", **options)
    return str(caught.value)


def once(items: list[Any]) -> Iterator[Any]:
    yield from items


class Rows:
    """The part of datasets.Dataset that is used: names of columns, and rows as dictionaries."""

    column_names = ("title", "kind")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([{"title": "a", "kind": 3}, {"title": "b", "kind": None}])


class Frame(dict[str, Any]):
    """The part of a DataFrame of pandas or polars that is used: columns by name, and a length."""

    @property
    def columns(self) -> list[str]:
        return list(self)

    def __len__(self) -> int:
        return len(next(iter(self.values())))


class Batch:
    num_rows = 2

    def column(self, name: str) -> Any:
        class Column:
            def to_pylist(self) -> list[str]:
                return [f"{name} 1", f"{name} 2"]

        return Column()


class ArrowTable:
    """The part of pyarrow.Table that is used: batches of columns."""

    column_names = ("title", "kind")

    def to_batches(self) -> list[Batch]:
        return [Batch(), Batch()]


def test_texts_are_documents_as_they_are(tmp_path: Path) -> None:
    expected = [(text, None) for text in CLEANED]
    for texts in (TEXTS, tuple(TEXTS), once(TEXTS), np.array(TEXTS, dtype=object)):
        assert read(texts, tmp_path) == expected


def test_pairs_have_labels(tmp_path: Path) -> None:
    pairs = [("a", "x"), ("b", None), ("c", 7), ("d", np.int64(7)), ("e", math.nan), ("f", True)]
    assert read(pairs, tmp_path) == [
        ("a", "x"),
        ("b", None),
        ("c", "7"),
        ("d", "7"),
        ("e", None),
        ("f", "True"),
    ]


def test_tables_have_columns(tmp_path: Path) -> None:
    assert read(Rows(), tmp_path, columns=("title",)) == [("a", None), ("b", None)]
    assert read(Rows(), tmp_path, label_column="kind") == [("a", "3"), ("b", None)]
    frame = Frame(title=["a", "b"], body=["c", "d"], kind=["x", "y"])
    assert read(frame, tmp_path, columns=("title", "body"), label_column="kind") == [
        ("a c", "x"),
        ("b d", "y"),
    ]
    assert read(Frame(only=["a", "b"]), tmp_path) == [("a", None), ("b", None)]
    assert (
        read(ArrowTable(), tmp_path, columns=("kind",))
        == [
            ("kind 1", None),
            ("kind 2", None),
        ]
        * 2
    )


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_tables_of_packages_that_are_installed(package: str, tmp_path: Path) -> None:
    module = pytest.importorskip(package)
    make = module.table if package == "pyarrow" else module.DataFrame
    table = make({"title": ["a", "b"], "kind": ["x", "y"]})
    assert read(table, tmp_path, columns=("title",), label_column="kind") == [
        ("a", "x"),
        ("b", "y"),
    ]
    if package != "pyarrow":
        assert read(table["title"], tmp_path) == [("a", None), ("b", None)]


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (
            "one",
            {},
            "texts is one string; give a list of texts, such as texts=[text], or the name of a "
            "file as the first argument.",
        ),
        (
            [],
            {"argument": "validation_texts"},
            "validation_texts is empty; at least one text is needed.",
        ),
        (
            ["a", None],
            {},
            "texts[1] is None; a text is needed: leave such items out, or convert them with str().",
        ),
        (
            ["a", "b", math.nan],
            {},
            "texts[2] is nan (float); a text is needed: leave such items out, or convert them with "
            "str().",
        ),
        (5, {}, "texts is 5 (int); a list or another iterable of texts is needed."),
        (
            ["a"],
            {"columns": ("x",)},
            "column was given, but texts is no table; leave it out, or give a DataFrame.",
        ),
        (
            Frame(a=["x"], b=["y"]),
            {},
            'texts is a table of 2 columns: "a", "b"; name that of the texts with column=.',
        ),
        (
            Frame(a=["x"]),
            {"columns": ("c",)},
            "texts has no column 'c'; there are: \"a\".",
        ),
    ],
)
def test_other_things_are_refused(
    texts: Any, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    assert refused(texts, tmp_path, **options) == message


def test_a_source_that_is_a_text_is_recognised(tmp_path: Path) -> None:
    words = tmp_path / "a name of many words"
    assert looks_like_text(str(words)) and looks_like_text("x" * 5000)
    words.touch()
    assert not looks_like_text(str(words))
