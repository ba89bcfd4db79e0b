"""The file of an export; whether Keras reads it: tests/laws/test_keras.py."""

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_models import members
from networks import random_tensors
from records import record

from charloom.errors import MissingPackageError, SettingsError
from charloom.exchange.keras_export import model_config, own_json, prepare_keras
from charloom.exchange.written_export import PreparedExport
from charloom.model import Model
from charloom.settings import NetworkSettings, TextSettings


def refused(model: Model, **options: Any) -> str:
    with pytest.raises(SettingsError) as error:
        prepare_keras(model, **options)
    return str(error.value)


def test_the_archive(tmp_path: Path) -> None:
    model = Model(record(network=NetworkSettings(cell="gru", hidden=6, input=4, dropout=0.25)))
    written = model.export(tmp_path / "x.keras", to="keras")
    content = members(written.path)
    assert list(content) == ["metadata.json", "config.json", "charloom.json", "model.weights.h5"]
    assert json.loads(content["metadata.json"])["keras_version"] == "3.0.0"
    own = json.loads(content["charloom.json"])
    assert own["boundary_id"] == 0
    assert own["vocabulary"]["symbols"] == list(model.record.vocabulary.symbols)
    assert own["weights_digest"] == written.figures["weights_digest"]
    with h5py.File(io.BytesIO(content["model.weights.h5"])) as file:
        bias = file["layers/gru/cell/vars/2"][()]
    tensors = model.record.tensors
    reset, update, new = tensors["cells.0.bias"].reshape(3, 6)
    np.testing.assert_array_equal(bias[0], [*update, *reset, *new])
    np.testing.assert_array_equal(bias[1], [*np.zeros(12), *tensors["cells.0.recurrent_bias"]])


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    first, second = (
        Model(record()).export(tmp_path / name, to="keras").path.read_bytes() for name in "ab"
    )
    assert first == second


def test_layers_in_the_configuration() -> None:
    network = NetworkSettings(cell="rnn", hidden=3, layers=2, input="one-hot", dropout=0.5)
    config = model_config(record(network=network))
    layers = [
        (layer["class_name"], layer["config"]["name"]) for layer in config["config"]["layers"]
    ]
    assert layers == [
        ("InputLayer", "symbols"),
        ("SimpleRNN", "simple_rnn"),
        ("Dropout", "dropout"),
        ("SimpleRNN", "simple_rnn_1"),
        ("Dropout", "dropout_1"),
        ("Dense", "output"),
    ]
    assert config["config"]["layers"][0]["config"]["batch_shape"] == [None, None, 15]


def test_start_states_of_labels_are_left_out() -> None:
    prepared = prepare_keras(Model(record(("x", "y"))))
    size = prepared.size / 1e6
    assert prepared.notes == (
        f"{size:.2f} MB; keras.models.load_model reads it. Texts begin and end with id 0; "
        "charloom.json in the archive has the symbols of the ids.",
        "Left out: the start states of 2 labels. A Sequential model starts from zeros, as a text "
        "without a label does.",
    )
    assert prepared.figures["left_out"] == ["the start states of 2 labels"]
    assert prepared.discloses == (
        "15 symbols of the vocabulary",
        "the weights, which can repeat parts of training texts",
    )
    assert b'"x"' not in next(iter(prepared.files.values()))
    assert prepare_keras(Model(record())).figures["left_out"] == []


def test_a_stream_is_marked() -> None:
    vocabulary = record().vocabulary
    stream = type(vocabulary)(
        level="char", symbols=vocabulary.symbols, counts=(1, *vocabulary.counts[1:])
    )
    own = own_json(record(vocabulary=stream, text=TextSettings(unit="stream")))
    assert (own["endless"], own["unit"]) == (True, "stream")


def test_weights_must_be_finite() -> None:
    network = NetworkSettings(hidden=6, input=4)
    tensors = random_tensors(network, 15)
    tensors["output.bias"][3] = np.nan
    assert refused(Model(record(network=network, tensors=tensors))) == (
        "the weights of output.bias hold NaN or infinity, so no text can be generated; train again "
        "with a lower learning rate."
    )


def test_a_large_model_needs_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PreparedExport, "size", 70_000_000)
    assert refused(Model(record())) == (
        "the export would have 70 MB, more than 64 MB; train a smaller network, or write it all "
        "the same with --force."
    )
    assert prepare_keras(Model(record()), force=True).format == "keras"


def test_h5py_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloom.extras.is_installed", lambda package: package != "h5py")
    with pytest.raises(MissingPackageError) as error:
        prepare_keras(Model(record()))
    assert str(error.value) == (
        "--to keras needs the package h5py, which is not installed; install it with pip install "
        "'charloom[export]', or choose --to html."
    )
