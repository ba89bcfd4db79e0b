"""A run without a folder has the history that a folder would have."""

import dataclasses
from pathlib import Path
from typing import Any

from training_events import sample, step, validation

import charloom
from charloom.events import Event, Sample, Step, Validation
from charloom.model_folder.history import History
from charloom.runs.history_recorder import MAX_STEPS, HistoryRecorder

SMALL: dict[str, Any] = {"steps": 12, "hidden": 8, "input": 4, "precision": "fp32"}
TEXTS = [f"line {k} of a story" for k in range(40)]


def test_the_history_in_memory_is_that_of_the_folder(tmp_path: Path) -> None:
    events: list[Event] = []
    in_memory = charloom.train(texts=TEXTS, listeners=[events.append], **SMALL)
    in_folder = charloom.train(texts=TEXTS, output=tmp_path / "m", **SMALL)

    best = in_memory.record.metrics["step"]

    def without_times(history: History) -> list[dict[str, Any]]:
        kept = ("event", "step", "bits_per_character", "text", "temperature", "reason")
        return [
            {name: event[name] for name in kept if name in event}
            for event in history.events
            if event["event"] in ("validation", "stopped")
            or (event["event"] == "sample" and event["step"] == best)
        ]

    assert without_times(in_memory.history) == without_times(in_folder.history)
    assert without_times(charloom.load(tmp_path / "m").history) == without_times(in_folder.history)
    validations = [event for event in events if isinstance(event, Validation)]
    assert in_memory.history.curves.validation == tuple(
        (event.seconds, event.bits_per_character) for event in validations
    )
    assert in_memory.history.samples == tuple(
        event for event in events if isinstance(event, Sample) and event.step == best
    )
    assert in_memory.history.curves.training
    assert in_memory.history.stop_reason == "budget"


def test_only_samples_of_the_best_weights_are_kept() -> None:
    recorder = HistoryRecorder()
    for best, text in ((True, "first"), (True, "best"), (False, "later")):
        recorder(validation(2.0, best=best))
        recorder(sample(text))
    assert [each.text for each in recorder.history().samples] == ["best"]


def test_the_steps_of_a_long_run_are_thinned_evenly() -> None:
    recorder = HistoryRecorder()
    for k in range(20 * MAX_STEPS):
        recorder(dataclasses.replace(step(float(k), 0.5), step=k))
    steps = [event for event in recorder.history().events if event["event"] == Step.name]
    assert MAX_STEPS / 2 <= len(steps) <= MAX_STEPS
    assert max(event["step"] for event in steps) >= 20 * MAX_STEPS - 2
