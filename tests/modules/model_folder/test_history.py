"""The history of a run is read from the files of its folder."""

import json
from pathlib import Path
from typing import Any

import pytest
from training_events import sample, step, stopped, validation

from charloom.errors import ModelFolderError
from charloom.model_folder.history import History, read_history

EVENTS = (step(10.0, 0.1), validation(2.5, best=True), sample("a\u2028b"), stopped())
RECORDED = tuple(event.to_json() for event in EVENTS)


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    files = History(RECORDED).to_files()
    assert set(files) == {"metrics.jsonl", "samples.jsonl"}
    assert json.loads(files["samples.jsonl"]) == RECORDED[2]
    write(tmp_path, files)
    history = read_history(tmp_path)
    assert history == History(RECORDED)
    assert history.samples == (EVENTS[2],)
    assert history.curves.validation == ((75.0, 2.5),)
    assert history.curves.training == ((10.0, 2.34567),)
    assert history.stop_reason == "budget"


def test_a_folder_without_events_has_an_empty_history(tmp_path: Path) -> None:
    history = read_history(tmp_path)
    assert history == History()
    assert history.to_files() == {}
    assert history.stop_reason is None


def test_fields_of_later_versions_are_ignored(tmp_path: Path) -> None:
    write(tmp_path, History((RECORDED[2] | {"mood": "good"},)).to_files())
    assert read_history(tmp_path).samples == (EVENTS[2],)


@pytest.mark.parametrize("event", [{"event": "sample"}, {"event": "stopped"}, {"step": 1}, [1]])
def test_damaged_events_are_refused(tmp_path: Path, event: Any) -> None:
    (tmp_path / "metrics.jsonl").write_text(json.dumps(event) + "\n")
    with pytest.raises(ModelFolderError, match=r"metrics\.jsonl is damaged or cannot be read"):
        read_history(tmp_path)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ('{"baselines": {"ngram": 2.5}}', {"ngram": 2.5}),
        ('{"baselines": null}', {}),
        ("[]", {}),
        ("{", {}),
    ],
)
def test_baselines_are_those_of_a_report(
    tmp_path: Path, report: str, expected: dict[str, float]
) -> None:
    (tmp_path / "report.json").write_text(report)
    assert read_history(tmp_path).baselines == expected
