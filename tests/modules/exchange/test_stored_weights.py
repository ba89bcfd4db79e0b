import dataclasses

import numpy as np
import pytest
from networks import NETWORKS, network_id
from records import record

from charloom.errors import SettingsError
from charloom.exchange.names import STORED_TYPES
from charloom.exchange.stored_weights import check_stored_type, round_model, store_tensor
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.rounding import round_weights
from charloom.settings import NetworkSettings


def same_tensors(one: ModelRecord, other: ModelRecord) -> bool:
    return all(one.tensors[name].tobytes() == t.tobytes() for name, t in other.tensors.items())


def test_float32_changes_nothing() -> None:
    model = record()
    assert round_model(model, "float32") is model


def test_float16_is_the_rounding_of_model_folders() -> None:
    model = record(("x",))
    rounded = round_model(model, "float16")
    assert same_tensors(rounded, round_weights(model, "fp16"))
    assert rounded.weight_precision == "fp16"


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_integers_are_within_half_a_step_of_their_row(settings: NetworkSettings) -> None:
    model = record(("x", "y"), network=settings)
    rounded = round_model(model, "int8")
    for name, tensor in model.tensors.items():
        values = rounded.tensors[name]
        if tensor.ndim == 1:
            assert values.tobytes() == tensor.tobytes()
            continue
        steps = np.abs(tensor).max(axis=-1, keepdims=True) / 127
        # Three roundings of float32, each by 2**-24 of at most 127 steps, add to half a step.
        assert (np.abs(values - tensor) <= steps * (0.5 + 3 * 127 * 2**-24)).all()
        assert values.dtype == np.float32


def test_the_integers_use_their_whole_range() -> None:
    tensor = np.array([[-1.0, 0.5, 0.0], [0.0, 0.0, 0.0], [1e-3, -2e-3, 2e-3]], np.float32)
    stored = store_tensor("w", tensor, "int8")
    assert stored.stored.tolist() == [[-127, 64, 0], [0, 0, 0], [64, -127, 127]]
    assert stored.scales is not None
    assert stored.scales.tolist() == pytest.approx([1 / 127, 0, 2e-3 / 127])


def test_rows_of_tiny_weights_become_zero() -> None:
    """The least subnormal number divided by 127 is 0."""
    stored = store_tensor("w", np.array([[1e-45, -1e-45]], np.float32), "int8")
    assert stored.values().tolist() == [[0, 0]]


def test_rounding_twice_is_rounding_once_with_float16() -> None:
    rounded = round_model(record(), "float16")
    assert same_tensors(round_model(rounded, "float16"), rounded)


def test_weights_beyond_float16_are_refused() -> None:
    model = record()
    tensors = {name: tensor.copy() for name, tensor in model.tensors.items()}
    tensors["output.bias"][3] = 70_000
    with pytest.raises(SettingsError) as error:
        round_model(dataclasses.replace(model, tensors=tensors), "float16")
    assert str(error.value) == (
        "the weights of output.bias reach 7e+04, outside the range of float16; choose float32 or "
        "int8."
    )


def test_the_names_of_types() -> None:
    assert [check_stored_type(name) for name in STORED_TYPES] == list(STORED_TYPES)
    with pytest.raises(SettingsError) as error:
        check_stored_type("half")
    assert str(error.value) == 'dtype is "half"; it must be float32, float16, int8.'
