"""The parameters of a network by the names of PyTorch's modules.

A recurrent layer k of ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN`` has ``weight_ih_lk`` (G H, I),
``weight_hh_lk`` (G H, H), ``bias_ih_lk`` and ``bias_hh_lk`` (G H), with the gates in the order of
the model folder (https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html). PyTorch adds
both biases; only the part of ``bias_hh`` of the GRU's candidate is inside the product with the
reset gate. That part is ``recurrent_bias`` here, and the rest of ``bias_hh`` is 0.

Axes: V vocabulary, I inputs of a layer, G gates, H hidden units.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from charloom.network.reference import GATE_COUNTS
from charloom.settings import Cell, NetworkSettings

Floats = NDArray[np.float32]
MODULES: Final[Mapping[Cell, str]] = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
"""The class of ``torch.nn`` of each cell."""


def to_torch(settings: NetworkSettings, tensors: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the state dict of modules ``embedding``, ``rnn`` and ``linear``.

    With one-hot input there is no embedding, and ``weight_ih_l0`` has a column for each symbol.
    States of labels keep their names and axes, as ``label_hidden`` and ``label_cell``.
    """
    state: dict[str, Floats] = {}
    if "embedding.weight" in tensors:
        state["embedding.weight"] = tensors["embedding.weight"]
    for layer in range(settings.layers):
        name = f"cells.{layer}."
        table = tensors.get(f"{name}input_table")
        inputs = tensors[f"{name}input_weight"] if table is None else table.T
        bias = tensors[f"{name}bias"]
        state[f"rnn.weight_ih_l{layer}"] = np.ascontiguousarray(inputs)
        state[f"rnn.weight_hh_l{layer}"] = tensors[f"{name}recurrent_weight"]
        state[f"rnn.bias_ih_l{layer}"] = bias
        recurrent = np.zeros_like(bias)
        if settings.cell == "gru":
            recurrent[-settings.hidden :] = tensors[f"{name}recurrent_bias"]
        state[f"rnn.bias_hh_l{layer}"] = recurrent
    state["linear.weight"] = tensors["output.weight"]
    state["linear.bias"] = tensors["output.bias"]
    for part in ("hidden", "cell"):
        if f"labels.{part}" in tensors:
            state[f"label_{part}"] = tensors[f"labels.{part}"]
    return state


def layer_from_torch(
    cell: Cell, inputs_GI: Floats, recurrent_GH: Floats, biases_G: tuple[Floats, Floats]
) -> dict[str, Floats]:
    """Return the parameters of one layer, without the number of the layer.

    ``biases_G`` are ``bias_ih`` and ``bias_hh``, which are added in float64.
    """
    hidden = recurrent_GH.shape[1]
    inputs_bias, recurrent_bias = (bias.astype(np.float64) for bias in biases_G)
    layer = {"input_weight": inputs_GI, "recurrent_weight": recurrent_GH}
    if cell == "gru":
        layer["recurrent_bias"] = biases_G[1][-hidden:].astype(np.float32)
        recurrent_bias[-hidden:] = 0
    layer["bias"] = (inputs_bias + recurrent_bias).astype(np.float32)
    return layer


def cell_of(gates: int, hidden: int) -> Cell | None:
    """Return the cell whose layer has ``gates`` rows for ``hidden`` units.

    >>> cell_of(12, 3), cell_of(9, 3), cell_of(3, 3), cell_of(10, 3)
    ('lstm', 'gru', 'rnn', None)
    """
    return next((cell for cell, count in GATE_COUNTS.items() if count * hidden == gates), None)
