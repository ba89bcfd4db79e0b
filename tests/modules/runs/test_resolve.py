"""Which settings a run gets, and which requests are refused before any text is read."""

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import folder, record

from charloom.errors import MissingPackageError, OutputError, SettingsError
from charloom.model_folder import checkpoint
from charloom.model_folder.checkpoint import Checkpoint
from charloom.runs.request import TrainRequest
from charloom.runs.resolve import resolve, resolve_settings
from charloom.settings import NetworkSettings


def request(sources: tuple[str, ...] = ("x.txt",), **fields: Any) -> TrainRequest:
    return TrainRequest(sources=sources, **{"options": {}, **fields})


def refused(**fields: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        resolve(request(**fields))
    return str(caught.value)


def test_options_win_over_the_preset_and_that_over_the_defaults() -> None:
    text, network, training = resolve_settings(["x.txt"], "lesson", {"hidden": 64, "seed": 5})
    assert (network.hidden, network.input, network.cell) == (64, "one-hot", "lstm")
    assert (training.batch_size, training.optimizer, training.seed) == (8, "rmsprop", 5)
    assert (training.epochs, training.minutes) == (3, None)
    assert text.min_count == 1


@given(budget=st.sampled_from([("minutes", 0.5), ("steps", 7), ("epochs", 9)]))
def test_an_explicit_budget_replaces_that_of_the_preset(budget: tuple[str, float]) -> None:
    _, _, training = resolve_settings(["x.txt"], "lesson", dict([budget]))
    values = {name: getattr(training, name) for name in ("minutes", "epochs", "steps")}
    assert {name: value for name, value in values.items() if value is not None} == dict([budget])


def test_a_named_corpus_has_its_own_defaults() -> None:
    assert resolve_settings(["tiny-shakespeare"], None, {})[0].unit == "stream"
    assert resolve_settings(["tiny-shakespeare"], None, {"unit": "line"})[0].unit == "line"


def test_the_default_budget_is_two_minutes() -> None:
    assert resolve_settings(["x.txt"], None, {})[2].minutes == 2


def test_a_new_run_has_its_explicit_settings_and_no_checkpoint() -> None:
    spec = resolve(request(options={"seed": 5}, preset="lesson", validation="v.txt"))
    assert spec.explicit is not None
    assert {"seed", "hidden", "epochs", "min_count"} <= spec.explicit
    assert "device" not in spec.explicit
    assert (spec.validation, spec.checkpoint, spec.finished) == ("v.txt", None, False)


def test_a_gpu_without_torch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert resolve(request(options={"device": "cpu"})).training.device == "cpu"
    with pytest.raises(MissingPackageError, match=r"^--device cuda:1 needs the package torch, "):
        resolve(request(options={"device": "cuda:1"}))


def test_an_unknown_preset_is_refused() -> None:
    assert refused(preset="lessons") == "preset is 'lessons'; there are: lesson."


def test_an_unknown_option_is_refused() -> None:
    message = refused(options={"hiden": 3})
    assert message.startswith("there is no option 'hiden'; there are: average, batch_size")


def test_weight_decay_needs_an_optimizer_that_has_it() -> None:
    assert resolve_settings(["x.txt"], None, {"weight_decay": 0.5})[2].weight_decay == 0.5
    assert refused(preset="lesson", options={"weight_decay": 0.5}) == (
        "weight-decay was given with optimizer rmsprop, which has none; "
        "leave it out, or use --optimizer muon or adamw."
    )


def test_a_validation_fraction_and_a_validation_file_are_refused() -> None:
    assert refused(validation="v.txt", options={"valid_tail": True}) == (
        "--valid-tail and --valid contradict each other: with a validation file, nothing else is "
        "set aside; give one of them."
    )
    assert refused(validation="v.txt", options={"valid_fraction": 0.2}) == (
        "--valid-fraction and --valid contradict each other: with a validation file, nothing else "
        "is set aside; give one of them."
    )


def test_freezing_needs_a_model_with_as_many_layers(tmp_path: Path) -> None:
    for freeze in ("embedding", 2):
        message = (
            f"freeze is {freeze}, but the run starts from no model, and random weights need "
            "training; start from one with --from, or leave --freeze out."
        )
        assert refused(options={"freeze": freeze}) == message
        with pytest.raises(SettingsError) as caught:
            resolve_settings(["x.txt"], None, {"freeze": freeze})
        assert str(caught.value) == message
    network = NetworkSettings(hidden=6, layers=2, input=5)
    base = folder(tmp_path / "deep", network=network)
    assert refused(base=base, options={"freeze": 3}) == (
        f"freeze is 3, but {base} has 2 layers; give a number of lower layers of at most 2, or "
        "embedding."
    )
    for freeze in ("embedding", 1, 2, "none"):
        assert resolve(request(base=base, options={"freeze": freeze})).training.freeze == freeze
    one_hot = record(network=NetworkSettings(hidden=6, input="one-hot"))
    assert refused(base=one_hot, options={"freeze": "embedding"}) == (
        "freeze is embedding, but the base has one-hot input and no embedding; give a number of "
        "lower layers, whose input weights are then frozen too, or leave it out."
    )
    assert resolve(request(base=one_hot, options={"freeze": 1})).training.freeze == 1


def test_sample_prompts_are_cleaned_as_generate_cleans_them() -> None:
    prompts = ("e\u0301 &amp;", "a\udcff")
    cleaned = resolve_settings(["x.txt"], None, {"prompts": prompts})[2].prompts
    assert cleaned == ("é &", "a\ufffd")
    raw = resolve_settings(["x.txt"], None, {"prompts": prompts, "clean": False})[2].prompts
    assert raw == ("e\u0301 &amp;", "a\ufffd")


def test_an_explicit_index_of_a_stream_is_refused() -> None:
    assert resolve_settings(["x.txt"], None, {"unit": "stream"})[2].index
    assert not resolve_settings(["x.txt"], None, {"unit": "stream", "index": False})[2].index
    assert refused(sources=("tiny-shakespeare",), options={"index": True}) == (
        "index was given with unit stream, which has no documents; "
        "leave it out, or use --unit line or --unit document."
    )


def test_an_existing_model_is_replaced_by_force_only(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    with pytest.raises(OutputError, match="already holds a model"):
        resolve(request(output=path))
    assert resolve(request(output=path, force=True)).checkpoint is None


def write_checkpoint(path: Path, **changes: Any) -> Path:
    """Write the checkpoint of a run with 6 hidden units, 9 steps and seed 3."""
    options = {"hidden": 6, "steps": 9, "seed": 3, "device": "cpu"}
    text, network, training = resolve_settings(["x.txt"], None, options)
    run = {
        "text": text.to_json(),
        "network": network.to_json(),
        "training": training.to_json(),
        "validation": None,
        "checkpoint_seconds": 7.0,
        "machine": {"charloom": "0.1.0"},
    }
    checkpoint.write(folder(path) / "checkpoint", Checkpoint(run=run, state={}, tensors=b"abc"))
    return path


def test_a_resumed_run_has_the_settings_and_the_state_of_its_checkpoint(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "m")
    spec = resolve(request(output=path, resume=True))
    assert (spec.network.hidden, spec.training.steps, spec.training.seed) == (6, 9, 3)
    assert spec.checkpoint == checkpoint.read(path / "checkpoint")
    assert (spec.checkpoint_seconds, spec.explicit, spec.finished) == (7.0, None, False)


def test_device_validation_and_interval_may_change_when_resuming(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "m")
    spec = resolve(
        request(output=path, resume=True, checkpoint_seconds=2, options={"device": "auto"})
    )
    assert (spec.training.device, spec.checkpoint_seconds) == ("auto", 2)
