"""A run without a folder has the history that a folder would have."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest
from training_events import sample, step, validation

import charloom
from charloom.events import Event, Sample, Step, Validation
from charloom.model_folder.history import History
from charloom.runs.history_recorder import MAX_SAMPLED, MAX_STEPS, HistoryRecorder

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
        event for event in events if isinstance(event, Sample)
    )
    assert {sample.step for sample in in_memory.history.samples} > {best} or len(validations) == 1
    assert in_memory.history.curves.training
    assert in_memory.history.stop_reason == "budget"


@pytest.mark.parametrize("best", [0, 1, 37, 38, 39])
@pytest.mark.parametrize("count", [1, 2, MAX_SAMPLED, MAX_SAMPLED + 1, 40, 1000])
def test_samples_of_the_first_and_the_best_weights_are_kept(best: int, count: int) -> None:
    """Among those of other validations, about evenly spaced, and not too many."""
    recorder = HistoryRecorder()
    for k in range(count):
        recorder(dataclasses.replace(validation(2.0, best=k <= best), step=k))
        for temperature in (0.0, 0.5):
            recorder(dataclasses.replace(sample(f"text {k}", temperature), step=k))
    found = recorder.history().samples
    steps = [each.step for each in found]
    assert steps == sorted(steps)
    assert all(steps.count(k) == 2 for k in steps)
    assert all(each.text == f"text {each.step}" for each in found)
    assert {0, min(best, count - 1), count - 1} <= set(steps)
    assert min(count, MAX_SAMPLED / 2) <= len(set(steps)) <= MAX_SAMPLED + 1
    others = sorted(set(steps) - {best, count - 1})
    gaps = {after - before for before, after in itertools.pairwise(others)}
    assert not gaps or max(gaps) <= 2 * min(gaps)


def test_the_steps_of_a_long_run_are_thinned_evenly() -> None:
    recorder = HistoryRecorder()
    for k in range(20 * MAX_STEPS):
        recorder(dataclasses.replace(step(float(k), 0.5), step=k))
    steps = [event for event in recorder.history().events if event["event"] == Step.name]
    assert MAX_STEPS / 2 <= len(steps) <= MAX_STEPS
    assert max(event["step"] for event in steps) >= 20 * MAX_STEPS - 2
