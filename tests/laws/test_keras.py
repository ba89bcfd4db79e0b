"""Exports to Keras and back: the same bits here, and the same predictions in Keras.

Keras runs in a process of its own, since it sets up a back end when it is imported. Seen with Keras
3.15.1 on torch: at most 1.8e-7 off.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from keras_models import softmax
from networks import NETWORKS, network_id
from numpy.typing import NDArray
from records import record

import charloom
from charloom.model import Model
from charloom.network.engine import Engine
from charloom.settings import NetworkSettings

TOLERANCE = 1e-5
VOCABULARY = 15
PROGRAM = Path(__file__).parents[1] / "keras_loads.py"
TRAINED = ("gru-2x5-3", "lstm-1x5-one-hot")


def logits(engine: Engine, ids_BT: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the logits after each id, from a state of zeros: (B, T, V)."""
    state = engine.initial_state(np.full(len(ids_BT), -1))
    rows = []
    for ids_B in ids_BT.T:
        state = engine.advance(ids_B, state)
        rows.append(engine.logits(state))
    return np.stack(rows, axis=1)


@pytest.mark.needs("h5py")
@pytest.mark.parametrize("network", NETWORKS, ids=network_id)
def test_export_and_import_keep_every_bit(network: NetworkSettings, tmp_path: Path) -> None:
    model = Model(record(network=network))
    path = model.export(tmp_path / "x.keras", to="keras").path
    again = charloom.import_model(path)
    for name, tensor in model.record.tensors.items():
        np.testing.assert_array_equal(again.record.tensors[name], tensor)
    ids_BT = np.random.default_rng(0).integers(0, VOCABULARY, (3, 7))
    assert logits(again.engine, ids_BT).tobytes() == logits(model.engine, ids_BT).tobytes(), (
        network_id(network)
    )
    assert again.generate("ab", n=3) == model.generate("ab", n=3)
    assert again.record.network == network


@pytest.mark.slow
@pytest.mark.needs("h5py", "keras")
def test_keras_predicts_the_same_and_trains_further(tmp_path: Path) -> None:
    ids_BT = np.random.default_rng(0).integers(0, VOCABULARY, (3, 11))
    np.save(tmp_path / "ids.npy", ids_BT)
    models = {}
    for network in NETWORKS:
        name = network_id(network)
        models[name + "-train" * (name in TRAINED)] = Model(record(network=network))
    for name, model in models.items():
        model.export(tmp_path / f"{name}.keras", to="keras")
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, model in models.items():
        expected = np.apply_along_axis(softmax, -1, logits(model.engine, ids_BT))
        predicted = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(predicted, expected, rtol=0, atol=TOLERANCE, err_msg=name)
    for name in TRAINED:
        check_trained(tmp_path / f"{name}-trained.keras", models[f"{name}-train"])


def check_trained(path: Path, before: Model) -> None:
    """A model that Keras trained further returns with the vocabulary of its folder."""
    model = charloom.import_model(path, symbols=before.record.vocabulary.to_json())
    assert model.record.vocabulary == before.record.vocabulary
    assert model.record.network.layers == before.record.network.layers
    assert (
        model.record.tensors["output.bias"].tolist()
        != before.record.tensors["output.bias"].tolist()
    )
    assert model.generate("ab", n=2, length=5)
