"""Training from a model: its weights at step 0, its symbols and labels first, exact resuming."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charloom
from charloom.events import Event, Validation
from charloom.model_folder import checkpoint

TEXTS = [f"{a} {b}" for a in ("red", "blue", "green", "grey") for b in ("sea", "tree", "bee")]
NEW = ["rosé sea", "rosé tree", "teal sea", "teal bee", "teal tree", "rosé bee"]
OPTIONS: dict[str, Any] = {"min_count": 1, "valid_fraction": 0.2}


def write(path: Path, texts: list[str]) -> Path:
    path.write_text("\n".join(texts), "utf-8")
    return path


@pytest.fixture(scope="module", params=["lstm", "gru", "rnn"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    source = write(folder / "texts.txt", TEXTS)
    network = {"cell": request.param, "hidden": 12, "input": 6, "precision": "fp32"}
    charloom.train(source, output=folder / "run", epochs=40, **network, **OPTIONS)
    return folder / "run"


def validations(events: list[Event]) -> list[Validation]:
    return [event for event in events if isinstance(event, Validation)]


def test_the_first_validation_is_that_of_the_base(base: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    held_out = ["blue tree", "grey sea"]
    model = charloom.train(
        write(tmp_path / "t.txt", TEXTS[:9]),
        validation=write(tmp_path / "v.txt", held_out),
        base=base,
        epochs=2,
        listeners=[events.append],
        min_count=1,
    )
    first = validations(events)[0]
    assert (first.step, first.training_bits_per_character) == (0, None)
    before = charloom.load(base)
    assert first.bits_per_character == pytest.approx(before.bits_per_character(held_out), abs=1e-4)
    assert model.record.vocabulary.symbols == before.record.vocabulary.symbols
    assert model.record.provenance["lineage"]["model"] == str(base)


def test_new_symbols_are_added_behind_those_of_the_base(base: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "new.txt", NEW)
    known = charloom.load(base).record.vocabulary
    model = charloom.train(source, base=base, epochs=30, output=tmp_path / "out", **OPTIONS)
    vocabulary = model.record.vocabulary
    assert vocabulary.symbols[: len(known)] == known.symbols
    assert set(vocabulary.symbols[len(known) :]) == {"o", "é"}
    assert model.generate(match="rosé.*", n=2) and charloom.load(tmp_path / "out").score(NEW)


def test_weights_that_training_does_not_improve_are_kept(base: Path, tmp_path: Path) -> None:
    before = charloom.load(base)
    source = write(tmp_path / "t.txt", TEXTS)
    model = charloom.train(source, base=before, steps=3, learning_rate=5.0, **OPTIONS)
    for name, tensor in before.record.tensors.items():
        assert np.array_equal(model.record.tensors[name], tensor), name
    assert model.record.metrics["step"] == 0


def test_a_stopped_run_resumes_exactly(base: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "new.txt", NEW)
    options = {"epochs": 6, **OPTIONS}
    whole = charloom.train(source, base=base, output=tmp_path / "whole", **options)

    def stop(event: Event) -> None:
        if isinstance(event, Validation) and event.step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        charloom.train(source, base=base, output=tmp_path / "cut", listeners=[stop], **options)
    assert "base" in checkpoint.read(tmp_path / "cut" / "checkpoint").run
    resumed = charloom.train(source, output=tmp_path / "cut", resume=True, **options)
    for name, tensor in whole.record.tensors.items():
        assert np.array_equal(resumed.record.tensors[name], tensor), name
    assert resumed.record.provenance["lineage"] == whole.record.provenance["lineage"]


def test_labels_are_added(base: Path, tmp_path: Path) -> None:
    first = write(tmp_path / "l.csv", ["text,kind", *(f"{t},old" for t in TEXTS)])
    second = write(
        tmp_path / "m.csv",
        ["text,kind", *(f"{t},old" for t in TEXTS[:3]), *(f"{t},young" for t in NEW)],
    )
    labelled: dict[str, Any] = {"columns": ("text",), "label_column": "kind", **OPTIONS}
    one = charloom.train(first, base=base, epochs=2, **labelled)
    two = charloom.train(second, base=one, epochs=2, **labelled)
    assert (one.record.labels, two.record.labels) == (("old",), ("old", "young"))
    assert two.record.provenance["lineage"]["lineage"]["model"] == str(base)
    assert two.generate(label="young")


def test_a_run_is_extended_beside_itself(base: Path) -> None:
    events: list[Event] = []
    model = charloom.train(extend=base, epochs=2, listeners=[events.append])
    assert (base.parent / "run-2" / "config.json").is_file()
    before = charloom.load(base)
    first = validations(events)[0]
    assert first.bits_per_character == pytest.approx(
        before.record.metrics["bits_per_character"], abs=1e-6
    )
    assert model.record.vocabulary == before.record.vocabulary
    assert (
        model.record.provenance["corpus_fingerprint"]
        == before.record.provenance["corpus_fingerprint"]
    )
    assert model.record.metrics["bits_per_character"] <= before.record.metrics["bits_per_character"]
