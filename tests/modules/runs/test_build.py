import dataclasses
from pathlib import Path
from typing import Any

import pytest

from charloom.data.corpus import Corpus
from charloom.errors import SettingsError, SourceError
from charloom.events import Event, Saved, Step
from charloom.runs.auto import LEARNING_RATES
from charloom.runs.build import (
    RunComponents,
    build_components,
    build_trainer,
    read_corpus,
    with_auto_settings,
)
from charloom.runs.request import TrainRequest
from charloom.runs.resolve import resolve
from charloom.runs.spec import RunSpec
from charloom.settings import TextSettings
from charloom.training.build_backend import initial_parameters
from charloom.training.distributed.process_group import ProcessGroup

LINES = [f"line {k} of a story, {k * k}" for k in range(60)]
OPTIONS: dict[str, Any] = {"hidden": 6, "input": 4, "dropout": 0.0, "steps": 3, "device": "cpu"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), "utf-8")
    return path


def prepare(source: Path, **options: Any) -> tuple[TrainRequest, RunSpec, Corpus]:
    request = TrainRequest(sources=(str(source),), options=OPTIONS | options)
    spec = resolve(request)
    corpus = read_corpus(request.sources, spec.text, spec.validation, spec.training.seed)
    return request, with_auto_settings(spec, corpus, processes=1), corpus


def components_of(source: Path, **options: Any) -> RunComponents:
    request, spec, corpus = prepare(source, **options)
    return build_components(request, spec, corpus, ProcessGroup())


def texts(corpus: Corpus, training: bool) -> list[str]:
    dataset = corpus.training if training else corpus.validation
    return [corpus.vocabulary.decode(dataset.document(k)) for k in range(len(dataset))]


def test_a_corpus_is_split_into_training_and_validation_set(source: Path) -> None:
    corpus = read_corpus([str(source)], TextSettings(valid_fraction=0.25), None, seed=0)
    training, validation = texts(corpus, training=True), texts(corpus, training=False)
    assert sorted([*training, *validation]) == sorted(LINES)
    assert 5 <= len(validation) <= 25


def test_a_validation_file_replaces_the_split(source: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "held-out.txt"
    held_out.write_text(f"{LINES[3]}\na story of a line\n", "utf-8")
    corpus = read_corpus([str(source)], TextSettings(), str(held_out), seed=0)
    assert texts(corpus, training=False) == [LINES[3], "a story of a line"]
    assert texts(corpus, training=True) == [*LINES[:3], *LINES[4:]]


def test_all_bytes_of_the_sources_are_reported_while_reading(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    source = tmp_path / "uncached.txt"
    source.write_text("\n".join(f"these {k} lines are read only here" for k in range(50)), "utf-8")

    def note(read: int, total: int) -> None:
        calls.append((read, total))

    read_corpus([str(source)], TextSettings(), None, 0, note)
    size = source.stat().st_size
    assert sum(read for read, _ in calls) == size
    assert {total for _, total in calls} == {size}


def test_a_missing_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="missing"):
        read_corpus([str(tmp_path / "missing.txt")], TextSettings(), None, 0)


def test_a_missing_validation_file_is_refused_before_a_source_is_read(tmp_path: Path) -> None:
    source = tmp_path / "unread.txt"
    source.write_text("a line that no other test reads\n" * 30, "utf-8")
    calls: list[tuple[int, int]] = []
    with pytest.raises(SourceError, match="missing"):
        missing = str(tmp_path / "missing.txt")
        read_corpus([str(source)], TextSettings(), missing, 0, lambda *call: calls.append(call))
    assert calls == []


def test_settings_left_out_are_chosen_and_explicit_ones_stay(source: Path) -> None:
    _, spec, _ = prepare(source, batch_size=5)
    assert (spec.training.batch_size, spec.network.hidden) == (5, 6)
    assert spec.training.learning_rate == LEARNING_RATES["muon"]


def test_a_complete_spec_stays_as_it_is(source: Path) -> None:
    _, spec, corpus = prepare(source)
    complete = dataclasses.replace(spec, explicit=None)
    assert with_auto_settings(complete, corpus, processes=1) is complete


def test_the_network_is_the_one_of_the_seed(source: Path) -> None:
    components = components_of(source, seed=7)
    corpus, network = components.corpus, components.plan.network
    expected = initial_parameters(network, len(corpus.vocabulary), len(corpus.labels), seed=7)
    tensors = components.backend.tensors()
    assert tensors.keys() == expected.arrays.keys()
    for name, tensor in tensors.items():
        assert tensor.tobytes() == expected.arrays[name].tobytes()


def test_plan_and_record_describe_the_network(source: Path) -> None:
    components = components_of(source)
    plan, record = components.plan, components.record
    total = sum(tensor.size for tensor in components.backend.tensors().values())
    assert sum(count for _, count in plan.layers) == record.provenance["parameters"] == total
    assert (plan.sources, plan.output, plan.processes) == ((str(source),), None, 1)
    assert (record.network, record.training) == (plan.network, plan.training)
    assert record.tensors == {}


def test_the_record_has_an_index_of_all_documents(source: Path) -> None:
    index = components_of(source).record.document_index
    assert index is not None
    corpus = components_of(source).corpus
    assert all(text in index for text in texts(corpus, training=True))
    assert all(text in index for text in texts(corpus, training=False))
    assert "a text of no source" not in index
    assert components_of(source, index=False).record.document_index is None


def test_a_trainer_is_complete_and_calls_listeners_in_order(source: Path) -> None:
    calls: list[str] = []

    def listener(name: str) -> Any:
        return lambda event: calls.append(name) if isinstance(event, Step) else None

    trainer = build_trainer(components_of(source), [listener("a"), listener("b")], None)
    assert trainer.run().step == 3
    assert calls == ["a", "b"] * 3


def test_events_that_listeners_return_reach_all_after_the_current_one(source: Path) -> None:
    received: list[tuple[str, str]] = []

    def emitting(event: Event) -> list[Event]:
        received.append(("first", type(event).__name__))
        if isinstance(event, Step) and event.step == 3:
            return [Saved(step=3, seconds=event.seconds, bits_per_character=1.0)]
        return []

    def last(event: Event) -> None:
        received.append(("last", type(event).__name__))

    build_trainer(components_of(source), [emitting, last], None).run()
    start = received.index(("first", "Saved"))
    assert received[start - 2 : start + 2] == [
        ("first", "Step"),
        ("last", "Step"),
        ("first", "Saved"),
        ("last", "Saved"),
    ]


def test_a_network_larger_than_memory_is_refused(source: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        components_of(source, hidden=10**7)
    assert str(caught.value) == (
        "a network of 1 layer of 10,000,000 units does not fit into memory; "
        "use a smaller --hidden or fewer --layers."
    )
