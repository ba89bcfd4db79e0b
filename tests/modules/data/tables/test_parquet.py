"""Parquet files: names, numbers, damage."""

from pathlib import Path

import pytest
from tables_by_hand import message, rows

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.data.tables.columns import Row
from charloom.data.tables.rows import read_rows
from charloom.settings import TextSettings


@pytest.mark.needs("polars")
def test_parquet_is_read_by_name_and_number(tmp_path: Path) -> None:
    import polars

    path = tmp_path / "x[1].parquet"  # brackets are part of the name, not a glob
    count = 70_000  # more than one slice
    texts = [f"title {number}" for number in range(count - 1)] + [None]
    polars.DataFrame({"text": texts, "class": range(count)}).write_parquet(path)
    file = SourceFile(path=path, name="X", format="parquet")
    read: list[int] = []
    labelled = TextSettings(label_column="class")
    found = list(read_rows(file, labelled, ReadingNotes(), read.append))
    assert found == [Row(n + 1, [text or ""], str(n)) for n, text in enumerate(texts)]
    assert sum(read) == path.stat().st_size
    both = rows(file, columns=("2", "text", "text"))
    assert both[5] == (["5", "title 5", "title 5"], None)
    assert message(file, columns=("titel",)).startswith("X has no column 'titel'; it has text, cla")


@pytest.mark.needs("polars")
def test_damaged_parquet_is_reported(tmp_path: Path) -> None:
    import polars

    path = tmp_path / "x.parquet"
    polars.DataFrame({"text": ["a"] * 1000}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    seen = message(SourceFile(path=path, name="X", format="parquet"))
    assert seen.startswith("X cannot be read as parquet: ")
    assert seen.endswith(
        "; a whole parquet file whose chosen columns are text is needed; fetch or write it again."
    )
    assert "\n" not in seen
    absent = SourceFile(path=tmp_path / "absent", name="X", format="parquet")
    assert message(absent).startswith("X cannot be read: No such file")


@pytest.mark.needs("polars")
def test_the_only_column_of_texts_is_used(tmp_path: Path) -> None:
    import polars

    path = tmp_path / "x.parquet"
    polars.DataFrame({"id": [1, 2], "title": ["one", "two"]}).write_parquet(path)
    notes = ReadingNotes()
    file = SourceFile(path=path, name="X", format="parquet")
    assert rows(file, notes) == [(["one"], None), (["two"], None)]
    assert notes.sentences() == (
        "X: its texts are taken from column 'title'; --column chooses another.",
    )
