import dataclasses
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from charloom.api import train
from charloom.errors import MissingPackageError, OutputError, SettingsError, SourceError
from charloom.events import Event, Sample, Saved, Step, Stopped, Validation
from charloom.model import Model
from charloom.model_folder import format as model_folder
from charloom.runs.plan import Plan
from charloom.runs.request import TrainRequest
from charloom.runs.resolve import resolve
from charloom.runs.train import train_model

LINES = [f"the {a} {b}s the {c}" for a in ("cat", "dog", "cow") for b in "abcd" for c in "xyz"]
SMALL: dict[str, Any] = {"dropout": 0.0, "hidden": 8, "input": 4, "batch_size": 4, "device": "cpu"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


def test_a_run_from_a_source_to_a_model_folder(source: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    plans: list[Plan] = []
    path = tmp_path / "runs" / "m"
    model = train(
        source, output=path, listeners=[events.append], on_start=plans.append, epochs=2, **SMALL
    )
    assert plans[0].output == path
    assert dict(plans[0].layers)["output"] == len(model.record.vocabulary) * 9
    assert sum(n for _, n in plans[0].layers) == sum(
        t.size for t in model_folder.read(path).tensors.values()
    )
    kinds = {type(event) for event in events}
    assert kinds == {Step, Validation, Saved, Sample, Stopped}
    lines = (path / "metrics.jsonl").read_text("utf-8").splitlines()
    recorded = [json.loads(line) for line in lines]
    assert [r for r in recorded if r["event"] != "step"] == [
        event.to_json() for event in events if not isinstance(event, Step)
    ]
    assert {
        "step",
        "seconds",
        "bits_per_character",
        "characters_per_second",
        "learning_rate",
    } < set(recorded[0])
    samples = (path / "samples.jsonl").read_text("utf-8").splitlines()
    assert len(samples) == 2 * 3, "two epochs, three temperatures"
    loaded = Model.load(path)
    assert loaded.generate("the ", n=3, seed=4) == model.generate("the ", n=3, seed=4)
    assert loaded.record.metrics["bits_per_character"] == min(
        e.bits_per_character for e in events if isinstance(e, Validation)
    )
    assert loaded.record.provenance["training_documents"] == len(plans[0].corpus.training)


def indexed_lines(model: Model) -> list[str] | None:
    """Return the lines in the model's index; None without an index."""
    index = model.record.document_index
    return None if index is None else [text for text in LINES if text in index]


@pytest.mark.parametrize("folder", [True, False])
def test_the_index_contains_every_document_held_out_or_not(
    source: Path, tmp_path: Path, folder: bool
) -> None:
    plans: list[Plan] = []
    output = tmp_path / "m" if folder else None
    model = train(source, output=output, steps=1, on_start=plans.append, **SMALL)
    corpus = plans[0].corpus
    assert 0 < len(corpus.training) < len(LINES)
    assert indexed_lines(model) == LINES
    if output is not None:
        assert indexed_lines(Model.load(output)) == LINES
        model.save(tmp_path / "n")
        Model.load(tmp_path / "n").save(tmp_path / "o")
        assert indexed_lines(Model.load(tmp_path / "o")) == LINES


def test_the_index_contains_the_validation_file(source: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "held-out.txt"
    held_out.write_text("\n".join([*LINES[:5], "the new one"]), encoding="utf-8")
    model = train(source, validation=held_out, steps=1, **SMALL)
    assert indexed_lines(model) == LINES
    index = model.record.document_index
    assert index is not None
    assert "the new one" in index


@pytest.mark.parametrize("options", [{"index": False}, {"unit": "stream"}])
def test_index_false_and_streams_have_no_index(
    source: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    model = train(source, output=tmp_path / "m", steps=1, **SMALL | options)
    assert indexed_lines(model) is None
    assert indexed_lines(Model.load(tmp_path / "m")) is None
    assert not (tmp_path / "m" / "documents.bin").exists()


def test_the_provenance_records_the_outcome_of_the_plan(source: Path) -> None:
    plans: list[Plan] = []
    model = train(source, steps=1, on_start=plans.append, **SMALL | {"precision": "fp32"})
    kept = model.record.provenance
    assert (kept["device"], kept["precision"]) == ("cpu", "fp32")
    assert kept["parameters"] == sum(tensor.size for tensor in model.record.tensors.values())
    assert kept["notes"] == list(plans[0].corpus.notes)


def test_a_listener_that_raises_stops_the_run_and_everything_is_saved(
    source: Path, tmp_path: Path
) -> None:
    class BrokenError(Exception):
        pass

    def broken(event: Event) -> None:
        received.append(event)
        if event.step == 7:
            raise BrokenError("mine")

    received: list[Event] = []
    others: list[Event] = []
    with pytest.raises(BrokenError, match="^mine$"):
        train(
            source, output=tmp_path / "m", listeners=[broken, others.append], epochs=10**6, **SMALL
        )
    assert isinstance(received[-1], Step)
    assert received[-1].step == 7
    assert isinstance(others[-1], Stopped)
    assert (others[-1].step, others[-1].reason) == (7, "interrupted")
    assert Model.load(tmp_path / "m").record.metrics["bits_per_character"] == (
        others[-1].bits_per_character
    )


def test_the_best_weights_are_saved_before_listeners_get_the_validation(
    source: Path, tmp_path: Path
) -> None:
    def look(event: Event) -> None:
        if isinstance(event, Validation) and event.best:
            seen.append((event.step, Model.load(tmp_path / "m").record.metrics["step"]))

    seen: list[tuple[int, int]] = []
    train(source, output=tmp_path / "m", listeners=[look], epochs=2, **SMALL)
    assert seen
    assert all(step == kept for step, kept in seen)


def test_the_same_seed_gives_the_same_model(source: Path) -> None:
    first, second, other = (train(source, steps=5, seed=seed, **SMALL) for seed in (1, 1, 2))
    assert all(
        tensor.tobytes() == second.record.tensors[name].tobytes()
        for name, tensor in first.record.tensors.items()
    )
    assert first.generate(n=2) == second.generate(n=2)
    assert (
        first.record.tensors["output.weight"].tobytes()
        != other.record.tensors["output.weight"].tobytes()
    )


def test_ctrl_c_stops_after_the_current_step_and_saves_everything(
    source: Path, tmp_path: Path
) -> None:
    events: list[Event] = []

    def interrupt(event: Event) -> None:
        events.append(event)
        if isinstance(event, Step) and event.step == 7:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    model = train(source, output=tmp_path / "m", listeners=[interrupt], epochs=10**6, **SMALL)
    assert signal.getsignal(signal.SIGINT) is before
    assert isinstance(events[-1], Stopped)
    assert events[-1].reason == "interrupted"
    assert max(event.step for event in events) == 7
    assert Model.load(tmp_path / "m").generate() == model.generate()


def test_a_second_ctrl_c_stops_without_a_validation(source: Path, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        events.append(event)
        if isinstance(event, Step) and event.step == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    events: list[Event] = []
    model = train(source, output=tmp_path / "m", listeners=[interrupt], epochs=10**6, **SMALL)
    assert isinstance(events[-1], Stopped)
    assert (events[-1].reason, events[-1].bits_per_character) == ("interrupted", None)
    loaded = Model.load(tmp_path / "m")
    assert loaded.generate(seed=3) == model.generate(seed=3)
    assert "bits_per_character" not in loaded.record.metrics
    assert loaded.record.metrics["step"] == 3


def test_training_on_a_cpu_needs_no_torch(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert train(source, hidden=8, steps=1).record.metrics["step"] == 1


def test_a_gpu_needs_torch(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError) as caught:
        train(source, output=tmp_path / "m", device="cuda", steps=1)
    assert str(caught.value) == (
        "--device cuda needs the package torch, which is not installed; install it with "
        "pip install 'charloom[torch]', or use --device cpu."
    )
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_other_signals_are_raised_again_after_saving(
    source: Path, tmp_path: Path, name: str
) -> None:
    if not hasattr(signal, name):
        pytest.skip(f"there is no {name} here")
    number = getattr(signal, name)
    path = tmp_path / "runs" / "m"
    steps: list[int] = []
    seen: list[float] = []

    def interrupt(event: Event) -> None:
        steps.append(event.step)
        if isinstance(event, Step) and event.step == 7:
            signal.raise_signal(number)

    def end(number: int, frame: object) -> None:
        seen.append(Model.load(path).record.metrics["step"])

    before = signal.signal(number, end)
    try:
        train(source, output=path, listeners=[interrupt], epochs=10**6, **SMALL)
        assert signal.getsignal(number) is end
    finally:
        signal.signal(number, before)
    assert max(steps) == 7
    assert len(seen) == 1
    assert seen[0] in steps
    assert set(path.parent.iterdir()) == {path}


def test_an_ignored_signal_stays_ignored(source: Path) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        events: list[Event] = []

        def interrupt(event: Event) -> None:
            events.append(event)
            signal.raise_signal(signal.SIGTERM)

        train(source, listeners=[interrupt], steps=3, **SMALL)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert isinstance(events[-1], Stopped)
    assert events[-1].reason == "budget"


def test_labels_become_initial_states(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{'ab'[n % 2]},{'aaaa' if n % 2 == 0 else 'bbbb'}{n % 7}" for n in range(80)]
    path.write_text("\n".join(["kind,word", *rows]), encoding="utf-8")
    options = {**SMALL, "learning_rate": 0.02}
    model = train(path, columns=("word",), label_column="kind", epochs=40, **options)
    assert model.record.labels == ("a", "b")
    for label in "ab":
        texts = model.generate(n=5, temperature=0, label=label)
        assert all(text.startswith(label * 4) for text in texts)


def test_a_stream_is_trained_with_carried_state(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    path.write_text("abcdefgh" * 400, encoding="utf-8")
    options = {**SMALL, "learning_rate": 0.03, "window": 16}
    model = train(path, unit="stream", steps=150, **options)
    assert model.generate("abc", temperature=0, length=13) == ["abcdefghabcdefgh"]


def test_a_mistake_leaves_no_files(source: Path, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(SourceError):
        train(tmp_path / "missing.txt", output=tmp_path / "m")
    with pytest.raises((SettingsError, MissingPackageError)):
        train(source, output=tmp_path / "runs" / "m", device="cuda:97")
    assert set(tmp_path.iterdir()) == before


def test_an_existing_model_is_refused_before_sources_are_read(source: Path, tmp_path: Path) -> None:
    train(source, output=tmp_path / "m", steps=1, **SMALL)
    with pytest.raises(OutputError, match="already holds a model"):
        train(tmp_path / "missing.txt", output=tmp_path / "m")


def test_a_spec_that_is_passed_on_is_not_resolved_again(source: Path, tmp_path: Path) -> None:
    """The command line resolves before it downloads; settings and checkpoint are read once."""
    path = tmp_path / "m"
    request = TrainRequest(sources=(str(source),), options={**SMALL, "steps": 2}, output=path)
    spec = resolve(request)
    other = dataclasses.replace(request, options={"no such option": 1})
    assert train_model(other, spec).record.training.steps == 2


def test_a_resumed_run_uses_the_checkpoint_of_its_spec(source: Path, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Step) and event.step == 2:
            signal.raise_signal(signal.SIGINT)

    path = tmp_path / "m"
    train(source, output=path, listeners=[stop], steps=5, **SMALL)
    request = TrainRequest(sources=(str(source),), options={}, output=path, resume=True)
    spec = resolve(request)
    (path / "checkpoint" / "state.json").write_text("damaged", "utf-8")
    model = train_model(request, spec)
    assert model.record.training.steps == 5
    assert not (path / "checkpoint").exists()
