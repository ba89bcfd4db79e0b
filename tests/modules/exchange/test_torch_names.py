import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors

from charloom.exchange.torch_names import layer_from_torch, to_torch
from charloom.settings import NetworkSettings


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_layers_come_back_bit_for_bit(settings: NetworkSettings) -> None:
    tensors = random_tensors(settings, 7, 2)
    state = to_torch(settings, tensors)
    for layer in range(settings.layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        inputs, recurrent, *biases = (state[f"rnn.{name}_l{layer}"] for name in names)
        back = layer_from_torch(settings.cell, inputs, recurrent, (biases[0], biases[1]))
        if f"cells.{layer}.input_table" in tensors:
            back["input_table"] = back.pop("input_weight").T
        own = {
            name.removeprefix(f"cells.{layer}."): tensor
            for name, tensor in tensors.items()
            if name.startswith(f"cells.{layer}.")
        }
        assert back.keys() == own.keys()
        assert all(np.array_equal(back[name], own[name]) for name in own)


def test_both_biases_are_added_once() -> None:
    ones, twos = np.ones(6, np.float32), np.full(6, 2, np.float32)
    layer = layer_from_torch("gru", np.ones((6, 3)), np.ones((6, 2)), (ones, twos))  # type: ignore[arg-type]
    assert layer["bias"].tolist() == [3, 3, 3, 3, 1, 1]
    assert layer["recurrent_bias"].tolist() == [2, 2]


def test_labels_and_one_hot_input() -> None:
    settings = NetworkSettings(cell="lstm", hidden=5, layers=1, input="one-hot")
    state = to_torch(settings, random_tensors(settings, 7, 2))
    shapes = {name: tensor.shape for name, tensor in state.items()}
    assert shapes == {
        "rnn.weight_ih_l0": (20, 7),
        "rnn.weight_hh_l0": (20, 5),
        "rnn.bias_ih_l0": (20,),
        "rnn.bias_hh_l0": (20,),
        "linear.weight": (7, 5),
        "linear.bias": (7,),
        "label_hidden": (2, 1, 5),
        "label_cell": (2, 1, 5),
    }
    assert not state["rnn.bias_hh_l0"].any()
