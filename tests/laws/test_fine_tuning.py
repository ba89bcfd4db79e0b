"""Training from a model: its weights at step 0, its symbols and labels first, exact resuming."""

import contextlib
import subprocess
import sys
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


def test_a_run_without_a_base_is_not_resumed_with_one(base: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "new.txt", NEW)

    def stop(event: Event) -> None:
        if isinstance(event, Validation):
            raise KeyboardInterrupt

    for name, listeners in (("finished", []), ("cut", [stop])):
        out = tmp_path / name
        with contextlib.suppress(KeyboardInterrupt):
            charloom.train(source, output=out, steps=9, hidden=8, listeners=listeners, **OPTIONS)
        with pytest.raises(charloom.ResumeError) as error:
            charloom.train(source, output=out, base=base, resume=True)
        assert str(error.value) == (
            f"the run in {out} was not started from a model, so it cannot be resumed with --from; "
            "leave --from out, or start the run anew with --force."
        )


def test_the_command_line_continues_from_models(base: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "new.txt", NEW)
    done = charloom_command("train", source, "--from", base, "-o", tmp_path / "r", "--steps", 3)
    assert done.returncode == 0
    assert "epoch 1, validation" in done.stderr and "before training" in done.stderr
    done = charloom_command("train", "--extend", tmp_path / "r", "--steps", 2)
    assert done.returncode == 0 and (tmp_path / "r-2" / "config.json").is_file()
    done = charloom_command("train", "--steps", 2)
    assert (done.returncode, done.stderr) == (
        2,
        "charloom: no SOURCE was given; name files, folders, corpora or - for standard input.\n",
    )
    done = charloom_command("train", source, "--from", base, "--hidden", 99, "-o", tmp_path / "x")
    assert (done.returncode, done.stderr) == (
        2,
        f"charloom: hidden is 99, but {base} has 12, which a run that starts from it keeps; leave "
        "it out.\n",
    )
    done = charloom_command("train", source, "--freeze", 1, "-o", tmp_path / "x")
    assert done.returncode == 2 and done.stderr.startswith("charloom: freeze is 1, but the run")
    done = charloom_command("train", source, "--from", base, "--freeze", "all")
    assert (done.returncode, done.stderr) == (
        2,
        "charloom: freeze is 'all'; allowed: none, embedding, or a number of lower layers, such "
        "as 1.\n",
    )


def changed(model: charloom.Model, before: charloom.Model) -> set[str]:
    """Return the names of tensors of which a row of ``before`` is not in ``model``."""
    old = before.record.tensors
    return {
        name
        for name, tensor in model.record.tensors.items()
        if not np.array_equal(tensor[: len(old[name])], old[name])
    }


LAYER_NAMES = ("input_weight", "recurrent_weight", "bias", "recurrent_bias", "input_table")


@pytest.mark.parametrize("freeze", ["embedding", 1])
def test_frozen_parameters_are_those_of_the_base(base: Path, tmp_path: Path, freeze: Any) -> None:
    source, before = write(tmp_path / "new.txt", NEW), charloom.load(base)
    output, known = tmp_path / "out", len(before.record.vocabulary)
    options = {"epochs": 30, "learning_rate": 0.01, **OPTIONS}
    model = charloom.train(source, base=base, freeze=freeze, output=output, **options)
    lower = {f"cells.0.{name}" for name in LAYER_NAMES} if freeze == 1 else set()
    every = set(model.record.tensors)
    assert changed(model, before) == every - lower - {"embedding.weight"}
    added = model.record.tensors["embedding.weight"][known:]
    assert model.record.training.freeze == freeze and len(added) == 2
    assert model.record.provenance["frozen_symbols"] == known
    # A longer run trains the new symbols further, and one that is not frozen trains all.
    longer = charloom.train(extend=output, epochs=20, learning_rate=0.01)
    assert longer.record.training.freeze == freeze
    assert changed(longer, before) == changed(model, before)
    if longer.record.metrics["step"]:
        assert not np.array_equal(longer.record.tensors["embedding.weight"][known:], added)
    free = charloom.train(
        source, base=model, epochs=40, learning_rate=0.05, average=False, **OPTIONS
    )
    assert "frozen_symbols" not in free.record.provenance
    assert not free.record.metrics["step"] or changed(free, model) == every


def test_a_frozen_run_resumes_exactly(base: Path, tmp_path: Path) -> None:
    source, known = write(tmp_path / "new.txt", NEW), charloom.load(base)
    options = {"epochs": 6, "freeze": 1, "learning_rate": 0.01, **OPTIONS}
    whole = charloom.train(source, base=base, output=tmp_path / "whole", **options)

    def stop(event: Event) -> None:
        if isinstance(event, Validation) and event.step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        charloom.train(source, base=base, output=tmp_path / "cut", listeners=[stop], **options)
    resumed = charloom.train(source, output=tmp_path / "cut", resume=True, **options)
    assert not changed(resumed, whole) and "cells.0.bias" not in changed(resumed, known)
    assert resumed.record.provenance["frozen_symbols"] == len(known.record.vocabulary)


def charloom_command(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "charloom", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
