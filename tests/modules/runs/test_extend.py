"""A longer run has the texts and settings of the run before it, and a budget of its own."""

from pathlib import Path
from typing import Any

import pytest
from records import record

from charloom.errors import SettingsError
from charloom.runs.extend import extend_request, next_folder
from charloom.runs.request import TrainRequest
from charloom.runs.resolve import resolve
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings

ORIGIN = {"sources": ["a.txt", "b.txt"], "validation": None}

NETWORK = NetworkSettings(hidden=6, input=5, dropout=0.25)


def extended(
    text: TextSettings | None = None,
    origin: dict[str, Any] = ORIGIN,
    network: NetworkSettings = NETWORK,
    **fields: Any,
) -> TrainRequest:
    model = record(
        text=text or TextSettings(),
        network=network,
        training=TrainingSettings(epochs=3, window=9, batch_size=4, learning_rate=0.5, seed=8),
        provenance=origin,
    )
    return extend_request(TrainRequest(**{"sources": (), "options": {}} | fields), model)


def refused(**fields: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        extended(**fields)
    return str(caught.value)


def test_texts_and_settings_are_those_of_the_run() -> None:
    request = extended(options={"steps": 10}, text=TextSettings(columns=("x",), min_count=4))
    spec = resolve(request)
    assert request.sources == ("a.txt", "b.txt")
    assert spec.text == TextSettings(columns=("x",), min_count=4)
    assert (spec.network.hidden, spec.network.input, spec.network.dropout) == (6, 5, 0.25)
    assert (spec.training.window, spec.training.seed) == (9, 8)
    assert (spec.training.steps, spec.training.epochs) == (10, None)
    assert spec.explicit is not None
    assert spec.training.learning_rate == 0.5
    assert not {"batch_size", "weight_decay"} & spec.explicit
    assert spec.base is not None and spec.base.tensors is not None


def test_a_preset_takes_precedence_over_the_recorded_settings() -> None:
    network = NetworkSettings(hidden=128, input="one-hot", dropout=0.0)
    request = extended(TextSettings(min_count=1), network=network, preset="lesson")
    spec = resolve(request)
    assert (spec.training.optimizer, spec.training.learning_rate) == ("rmsprop", 1e-3)
    assert (spec.training.epochs, spec.training.batch_size) == (3, 8)
    assert (spec.training.window, spec.training.seed) == (9, 8), "the preset has neither"
    with pytest.raises(SettingsError) as caught:
        resolve(extended(preset="lesson", text=TextSettings(min_count=1)))
    assert str(caught.value).startswith("hidden is 128, but the base has 6, which a run that")


def test_a_recorded_validation_file_is_used_again() -> None:
    spec = resolve(extended(origin=ORIGIN | {"validation": "v.txt"}, options={"minutes": 1}))
    assert spec.validation == "v.txt"


def test_a_stream_is_extended_too() -> None:
    spec = resolve(extended(text=TextSettings(unit="stream"), options={"minutes": 1}))
    assert spec.text.unit == "stream"


def test_requests_that_contradict_are_refused() -> None:
    assert refused(sources=("c.txt",)) == (
        "--extend was given with texts, and a run is extended on its own; leave them out, or start "
        "from the model with --from."
    )
    for fields, option in (({"base": Path("b")}, "--from"), ({"resume": True}, "--resume")):
        assert refused(**fields) == (
            f"--extend and {option} contradict each other: --extend trains a finished run longer "
            "on its own texts; give one of them."
        )
    for origin in ({}, {"sources": ["-"], "validation": None}):
        assert refused(origin=origin) == (
            "the model does not record its training texts, so it cannot be extended; start from it "
            "with --from, and give the texts."
        )


def test_the_next_folder_is_free(tmp_path: Path) -> None:
    path = tmp_path / "facts"
    assert next_folder(path) == tmp_path / "facts-2"
    (tmp_path / "facts-2").mkdir()
    assert next_folder(path) == next_folder(tmp_path / "facts-2") == tmp_path / "facts-3"
