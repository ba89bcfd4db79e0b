"""The example texts of the recipes are read as the recipes say."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charloom.data.reading_notes import ReadingNotes
from charloom.data.sources import read_documents, resolve_sources
from charloom.settings import TextSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("examples")
    script = ROOT / "docs" / "example_texts.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True)
    yield folder


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("monday.log", {"mask_digits": True, "valid_tail": True}, 4000),
        ("tuesday.csv", {"columns": ("line",), "label_column": "kind"}, 2000),
        ("molecules.smi", {"delimiter": "space", "columns": ("1",)}, 4000),
        ("tunes.abc", {"separator": ""}, 400),
        ("domains.txt", {}, 1500),
        ("names.csv", {"columns": ("name",), "label_column": "country"}, 1209),
        ("fields.csv", {"columns": ("value",), "label_column": "kind"}, 3000),
        ("suspects.csv", {"columns": ("domain",), "label_column": "made_by"}, None),
    ],
)
def test_the_examples_are_read(
    examples: Path, name: str, options: dict[str, Any], count: int | None
) -> None:
    settings = TextSettings(**options)
    files = resolve_sources([str(examples / name)], settings)
    notes = ReadingNotes()
    found = list(read_documents(files, settings, None, notes))
    assert count is None or len(found) == count
    assert notes.sentences() == ()
    if name == "tuesday.csv":
        assert sum(document.label == "attack" for document in found) == 20
    if name == "molecules.smi":
        assert not any(" " in document.text for document in found)


def test_tunes_without_a_separator_are_noticed(examples: Path) -> None:
    files = resolve_sources([str(examples / "tunes.abc")], TextSettings())
    notes = ReadingNotes()
    list(read_documents(files, TextSettings(), None, notes))
    [sentence] = notes.sentences()
    assert 'with --separator "" each group is' in sentence
