"""Learning curves contain the recorded events of a run."""

import json
from pathlib import Path

import pytest

import charloom
from charloom.errors import ModelFolderError
from charloom.events import Event, Step, Validation
from charloom.model_folder.format import METRICS
from charloom.model_folder.metrics import MAX_POINTS, Curves, read_curves


def test_curves_contain_the_events_of_a_run(tmp_path: Path) -> None:
    source = tmp_path / "lines.txt"
    source.write_text("\n".join(f"line {k} of a story, {k * k}" for k in range(60)), "utf-8")
    events: list[Event] = []
    charloom.train(
        source, output=tmp_path / "run", epochs=3, hidden=4, device="cpu", listeners=[events.append]
    )
    curves = read_curves(tmp_path / "run")
    validations = [event for event in events if isinstance(event, Validation)]
    assert curves.validation == tuple(
        (event.seconds, event.bits_per_character) for event in validations
    )
    steps = [event for event in events if isinstance(event, Step)]
    assert curves.training[-1] in [(event.seconds, event.bits_per_character) for event in steps]


def test_long_curves_are_thinned_and_keep_their_end(tmp_path: Path) -> None:
    events = [
        {"event": "step", "seconds": k, "bits_per_character": 3.0, "characters_per_second": 5 * k}
        for k in range(10 * MAX_POINTS + 3)
    ]
    (tmp_path / METRICS).write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    curves = read_curves(tmp_path)
    assert MAX_POINTS / 2 < len(curves.training) <= MAX_POINTS
    assert curves.training[-1] == (10 * MAX_POINTS + 2, 3.0)
    assert curves.training == tuple(sorted(curves.training))
    assert curves.characters_per_second == 5 * (10 * MAX_POINTS + 2)


def test_a_folder_without_events_has_empty_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path) == Curves(training=(), validation=(), characters_per_second=None)


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    event = '{"event": "validation", "seconds": 1.5, "bits_per_character": 2.5}'
    sample = '{"event": "sample", "text": "a\u2028b\x85c\u2029"}'
    (tmp_path / METRICS).write_text(f"{event}\n{sample}\n{event[:30]}", "utf-8")
    assert read_curves(tmp_path).validation == ((1.5, 2.5),)


@pytest.mark.parametrize(
    "content", ["{\n", '{"step": 1}\n', "[1]\n", '{"event": "step"}\n', "\xff\n"]
)
def test_damaged_events_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / METRICS).write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelFolderError) as error:
        read_curves(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / METRICS} is damaged or cannot be read; copy the whole folder again from "
        "where it was made, or remove that file."
    )
