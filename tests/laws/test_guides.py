"""The example texts of the guides are read as the guides say, and examples of the library run."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import charloom
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


EXECUTED = (
    "Measurements",
    "Inside a model",
    "Unrolling from a state of your own",
)
"""Sections of the guide to the library whose examples run with any model that has these labels."""


@pytest.mark.needs("polars")
def test_examples_of_the_library_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"a line of {k * k}\t{('France', 'Spain')[k % 2]}" for k in range(80)]
    Path("lines.tsv").write_text("text\tland\n" + "\n".join(rows) + "\n", "utf-8")
    model = charloom.train(
        "lines.tsv", columns=("text",), label_column="land", steps=3, hidden=8, device="cpu"
    )
    names: dict[str, Any] = {"charloom": charloom, "model": model}
    guide = (ROOT / "docs" / "guide" / "library.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", guide, re.M | re.S))
    for title in EXECUTED:
        blocks = re.findall(r"^```python\n(.*?)^```$", sections[title], re.M | re.S)
        assert blocks
        for block in blocks:
            exec(compile(block, title, "exec"), names)
    assert names["table"].rows(named=True) == names["rows"]
    assert [each.temperature for each in names["diversity"]][-2:] == [1.8, None]
    assert names["memorisation"].samples.texts == 20
    assert names["written"].page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert [symbol for symbol, _ in names["pairs"]] == [*"a line", "<eos>"]
    assert names["vectors"].shape == (3, 8)
    assert names["neighbours"][0].text == "a lime"
    whole = model.generate("Today the ", n=3)
    assert ["Today " + text for text in names["texts"]] == whole
    assert len(names["between"]) == 3
