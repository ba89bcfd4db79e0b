import base64
import dataclasses
import json

import numpy as np
import pytest
from networks import NETWORKS, network_id
from records import record

from charloom.errors import SettingsError
from charloom.exchange.model_json import model_object, model_text
from charloom.network.parameters import parameter_shapes
from charloom.settings import NetworkSettings, TextSettings


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_every_tensor_is_there_with_its_shape_and_its_bits(settings: NetworkSettings) -> None:
    model = record(("x", "y"), network=settings)
    written = json.loads(model_text(model))
    shapes = parameter_shapes(settings, len(model.vocabulary), 2)
    assert {name: tuple(t["shape"]) for name, t in written["tensors"].items()} == shapes
    for name, tensor in written["tensors"].items():
        values = np.frombuffer(base64.b64decode(tensor["data"]), "<f4")
        assert tensor["type"] == "float32"
        assert values.tobytes() == model.tensors[name].tobytes()
    assert written["network"]["input"] == settings.input


def test_settings_symbols_and_labels_are_there_and_nothing_else() -> None:
    model = record(("Québec", "\u2028"), text=TextSettings(mask_digits=True))
    text = model_text(model)
    written = json.loads(text)
    del written["tensors"]
    assert written == {
        "format": "charloom-model",
        "version": 1,
        "network": {"cell": "lstm", "hidden": 6, "layers": 1, "input": 4},
        "vocabulary": {
            "level": "char",
            "has_token_pattern": False,
            "symbols": list(model.vocabulary.symbols),
        },
        "labels": ["Québec", "\u2028"],
        "endless": False,
        "clean": True,
        "mask_digits": True,
    }
    assert text.isascii()


def test_tensors_of_any_memory_layout_are_written_alike() -> None:
    model = record()
    turned = {name: np.asfortranarray(tensor) for name, tensor in model.tensors.items()}
    assert model_object(dataclasses.replace(model, tensors=turned)) == model_object(model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    model = record()
    tensors = {name: tensor.copy() for name, tensor in model.tensors.items()}
    tensors["output.bias"][3] = value
    with pytest.raises(SettingsError) as error:
        model_object(dataclasses.replace(model, tensors=tensors))
    assert str(error.value) == (
        "the weights of output.bias hold NaN or infinity, so no text can be generated; "
        "train again with a lower learning rate."
    )
