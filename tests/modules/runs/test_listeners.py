import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpora_by_hand import part
from networks import random_tensors
from records import ALPHABET, record

from charloom.events import Event, Sample, Saved, Step, Stopped, Validation
from charloom.model import Model
from charloom.model_folder.format import METRICS, SAMPLES, ModelRecord, Tensors
from charloom.model_folder.writer import ModelWriter
from charloom.runs.listeners import (
    SAMPLE_SYMBOLS,
    BestWeights,
    EventLog,
    ListenerGuard,
    SampleWriter,
)
from charloom.settings import TrainingSettings

DOCUMENTS = ["abc", "hij abc", "fade"]
VALIDATION_SET = part(DOCUMENTS, record().vocabulary)


def validation(step: int, bits: float, best: bool = True) -> Validation:
    return Validation(
        step=step,
        seconds=step / 2,
        epoch=1,
        progress=0.5,
        bits_per_character=bits,
        training_bits_per_character=bits - 1,
        best=best,
        overfitting=False,
    )


def stopped(step: int, bits: float | None) -> Stopped:
    return Stopped(step=step, seconds=step / 2, reason="budget", bits_per_character=bits)


def step_event(step: int, seconds: float) -> Step:
    return Step(
        step=step,
        seconds=seconds,
        epoch=1,
        progress=0.1,
        bits_per_character=2.0,
        characters_per_second=1.0,
        learning_rate=0.1,
        memory_bytes=5,
        device_memory_bytes=None,
    )


class Weights:
    """Weights of a network in training, which change with every call of ``train``."""

    def __init__(self) -> None:
        self.seed = 0

    def train(self) -> Tensors:
        self.seed += 1
        return self()

    def __call__(self) -> Tensors:
        model = record()
        return random_tensors(model.network, len(model.vocabulary), seed=self.seed)


def same(tensors: Tensors, others: Tensors) -> bool:
    return all(np.array_equal(tensors[name], others[name]) for name in others)


def empty_record() -> ModelRecord:
    return record(tensors={}, metrics={})


def test_the_weights_of_the_best_validation_are_kept() -> None:
    weights = Weights()
    best = BestWeights(empty_record(), VALIDATION_SET, weights, None)
    assert best(validation(1, 3.0)) == ()
    expected = weights.train()
    best(validation(2, 2.0))
    weights.train()
    best(validation(3, 2.5, best=False))
    best(step_event(4, 1.0))
    assert same(best.record.tensors, expected)
    assert best.record.metrics == {
        "bits_per_character": 2.0,
        "training_bits_per_character": 1.0,
        "step": 2,
        "epoch": 1,
        "seconds": 1.0,
        "validation_documents": 3,
        "validation_characters": VALIDATION_SET.total_characters,
    }


def test_a_run_without_validation_keeps_its_last_weights() -> None:
    weights = Weights()
    best = BestWeights(empty_record(), VALIDATION_SET, weights, None)
    expected = weights.train()
    best(stopped(5, None))
    assert same(best.record.tensors, expected)
    assert best.record.metrics == {"step": 5, "seconds": 2.5}


def test_the_model_folder_has_the_best_weights_when_saved_is_emitted(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m") as writer:
        best = BestWeights(empty_record(), VALIDATION_SET, Weights(), writer)
        emitted = best(validation(2, 2.0))
        assert list(emitted) == [Saved(step=2, seconds=1.0, bits_per_character=2.0)]
        assert Model.load(tmp_path / "m").record.metrics["step"] == 2


def test_unmeasured_weights_never_replace_measured_ones(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m") as writer:
        best = BestWeights(empty_record(), VALIDATION_SET, Weights(), writer)
        best.write_unmeasured(3, 1.5)
        assert Model.load(tmp_path / "m").record.metrics == {"step": 3, "seconds": 1.5}
        assert best.record.tensors == {}, "they are no best weights"
        best(validation(4, 2.0))
        best.write_unmeasured(5, 2.5)
        assert Model.load(tmp_path / "m").record.metrics["step"] == 4


def test_restored_best_weights_are_written_to_the_model_folder(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m") as writer:
        weights = Weights()
        best = BestWeights(empty_record(), VALIDATION_SET, weights, writer)
        best(validation(1, 2.0))
        state, expected = best.state_dict(), weights()
        weights.train()
        best(validation(2, 1.0))
        best.load_state_dict(state)
        assert same(Model.load(tmp_path / "m").record.tensors, expected)
        assert best.record.metrics["step"] == 1


def log_lines(writer: ModelWriter, tmp_path: Path, name: str) -> list[dict[str, Any]]:
    (path,) = tmp_path.glob(f".charloom-*/{name}")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_log_has_every_event_but_only_two_steps_a_second(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m") as writer:
        log = EventLog(writer)
        for step in range(1, 13):
            log(step_event(step, step * 0.125))
        log(validation(12, 2.0))
        log(Sample(step=12, seconds=6.0, prompt="", temperature=1.0, label=None, text="a\né"))
        events = log_lines(writer, tmp_path, METRICS)
        assert [e["step"] for e in events if e["event"] == "step"] == [1, 5, 9]
        assert [e["event"] for e in events[3:]] == ["validation", "sample"]
        assert log_lines(writer, tmp_path, SAMPLES) == events[4:]
        assert events[4]["text"] == "a\né"


def test_a_restored_log_drops_what_was_written_after_the_checkpoint(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m") as writer:
        log = EventLog(writer)
        log(step_event(1, 1.0))
        state = log.state_dict()
        for step, seconds in ((2, 1.5), (3, 2.0)):
            log(step_event(step, seconds))
        resumed = EventLog(writer)
        resumed.load_state_dict(state)
        for step, seconds in ((2, 1.4), (3, 1.6)):
            resumed(step_event(step, seconds))
        assert [e["step"] for e in log_lines(writer, tmp_path, METRICS)] == [1, 3]


def labelled_writer() -> SampleWriter:
    model = record(
        labels=("u", "v"),
        training=TrainingSettings(steps=3, prompts=("a", ""), temperatures=(0.0, 1.0), seed=4),
    )
    return SampleWriter(model, lambda: model.tensors)


def test_samples_are_those_of_the_model_with_the_current_weights() -> None:
    samples = labelled_writer()
    assert samples(step_event(1, 1.0)) == ()
    first = [event for event in samples(validation(2, 2.0)) if isinstance(event, Sample)]
    assert [(s.prompt, s.temperature) for s in first] == [("a", 0), ("a", 1), ("", 0), ("", 1)]
    assert {(s.step, s.seconds, s.label) for s in first} == {(2, 1.0, "u")}
    model = Model(record(labels=("u", "v")))
    for sample in first:
        assert [sample.text] == model.generate(
            sample.prompt,
            temperature=sample.temperature,
            seed=4,
            length=SAMPLE_SYMBOLS,
            label="u",
        )
        assert set(sample.text) <= set(ALPHABET)


def test_labels_of_samples_take_turns_also_after_a_resume() -> None:
    samples = labelled_writer()
    samples(validation(1, 2.0))
    resumed = labelled_writer()
    resumed.load_state_dict(samples.state_dict())
    labels = [resumed(validation(step, 2.0)) for step in (2, 3)]
    assert [{getattr(sample, "label", None) for sample in each} for each in labels] == [
        {"v"},
        {"u"},
    ]


def saved(step: int) -> Event:
    return Saved(step=step, seconds=0.0, bits_per_character=1.0)


def test_a_listener_that_raises_gets_no_more_events_and_others_do() -> None:
    stops: list[str] = []
    received: list[int] = []
    guard = ListenerGuard(lambda: stops.append("stop"))

    def broken(event: Event) -> None:
        received.append(event.step)
        if event.step >= 2:
            raise ValueError(f"at step {event.step}")

    others: list[Event] = []
    listeners = [guard.wrap(broken), guard.wrap(others.append)]
    for step in (1, 2, 3):
        for listener in listeners:
            listener(saved(step))
    assert received == [1, 2]
    assert [other.step for other in others] == [1, 2, 3]
    assert stops == ["stop"]
    with pytest.raises(ValueError, match="^at step 2$"):
        guard.raise_first()


def test_the_first_of_several_errors_is_raised() -> None:
    guard = ListenerGuard(lambda: None)

    def broken(event: Event) -> None:
        raise ValueError(event.step)

    first, second = guard.wrap(broken), guard.wrap(broken)
    first(saved(1))
    second(saved(2))
    with pytest.raises(ValueError, match="^1$"):
        guard.raise_first()


def test_without_an_error_nothing_is_raised() -> None:
    ListenerGuard(lambda: None).raise_first()


def test_keyboard_interrupt_passes_through() -> None:
    guard = ListenerGuard(lambda: None)

    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guard.wrap(interrupted)(saved(1))
    guard.raise_first()
