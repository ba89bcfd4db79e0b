"""The bit-exact NumPy engine, which defines the bits of generated texts.

The equations are those of ``reference``, in the arithmetic of ``exact``. The compiled kernels of
``generation`` give the same texts faster, but take seconds to load, so short texts use this one.

Axes: B sequences, V vocabulary, H hidden units, G gates times H, L layers.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.network.alignment import align
from charloom.network.exact import ONE, Floats, accumulate, sigmoid, tanh
from charloom.network.network_state import NetworkState
from charloom.network.reference import State, initial_state
from charloom.settings import Cell, NetworkSettings

Ids = NDArray[np.integer[Any]]
Gates = tuple[Floats, ...]
"""The gates of a layer, (B, H) each, named by ``GATE_NAMES``."""
GATE_NAMES: Final[dict[Cell, tuple[str, ...]]] = {
    "lstm": ("input", "forget", "candidate", "output"),
    "gru": ("reset", "update", "candidate"),
    "rnn": (),
}
"""i, f, g, o of an LSTM and r, z, n of a GRU in the equations of ``reference``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineWeights:
    """Weights for the engines: float32, contiguous, aligned, inputs on the first axis."""

    table_VG: Floats
    """Contribution of each symbol to the gates of layer 0, bias included."""
    input_LHG: Floats
    """Input weights of the higher layers, (L - 1, H, G)."""
    bias_LG: Floats
    """Biases of the higher layers, (L - 1, G)."""
    recurrent_LHG: Floats
    recurrent_bias_LH: Floats
    """Bias inside the reset gate's product; zeros except for gru."""
    output_HV: Floats
    output_bias_V: Floats


_FIELDS = dataclasses.fields(EngineWeights)


def prepare_weights(
    settings: NetworkSettings, tensors: Mapping[str, NDArray[np.float32]]
) -> EngineWeights:
    """Convert the tensors of a model folder to the layout of the engines."""
    layers = range(settings.layers)
    higher = layers[1:]
    gates = tensors["cells.0.bias"].shape[0]
    empty = (0, settings.hidden, gates)
    if settings.cell == "gru":
        recurrent_bias = np.stack([tensors[f"cells.{k}.recurrent_bias"] for k in layers])
    else:
        recurrent_bias = np.zeros((settings.layers, settings.hidden), np.float32)
    inputs = [tensors[f"cells.{k}.input_weight"].T for k in higher]
    biases = [tensors[f"cells.{k}.bias"] for k in higher]
    weights = EngineWeights(
        table_VG=_input_table(tensors),
        input_LHG=np.array(inputs, np.float32) if inputs else np.empty(empty, np.float32),
        bias_LG=np.array(biases, np.float32) if biases else np.empty((0, gates), np.float32),
        recurrent_LHG=np.array([tensors[f"cells.{k}.recurrent_weight"].T for k in layers]),
        recurrent_bias_LH=recurrent_bias,
        output_HV=np.ascontiguousarray(tensors["output.weight"].T),
        output_bias_V=np.array(tensors["output.bias"]),
    )
    return EngineWeights(**{field.name: align(getattr(weights, field.name)) for field in _FIELDS})


def _input_table(tensors: Mapping[str, NDArray[np.float32]]) -> Floats:
    """Return the table of layer 0, (V, G), also for embedded input."""
    bias_G = tensors["cells.0.bias"]
    if "cells.0.input_table" in tensors:
        return tensors["cells.0.input_table"] + bias_G
    embedding_VE = tensors["embedding.weight"]
    start_VG = np.broadcast_to(bias_G, (len(embedding_VE), len(bias_G)))
    return accumulate(start_VG, embedding_VE, tensors["cells.0.input_weight"].T)


class Engine:
    """A network that reads one symbol of each of B sequences at a time."""

    def __init__(
        self, settings: NetworkSettings, tensors: Mapping[str, NDArray[np.float32]]
    ) -> None:
        self.settings = settings
        self.weights = prepare_weights(settings, tensors)
        self._labels = {name: t for name, t in tensors.items() if name.startswith("labels.")}

    def initial_state(self, labels: Ids) -> State:
        """Return the state before the first symbol, for label ids (B,); -1 is none: zeros."""
        return initial_state(self.settings, self._labels, labels, np.dtype(np.float32))

    def batch_state(self, state: NetworkState) -> State:
        """Return a user's state for a batch of one.

        Raises SettingsError if it does not fit the network.
        """
        return state.to_batch(self.settings)

    def advance(self, ids: Ids, state: State) -> State:
        """Return the state after one more symbol of each sequence, ids (B,)."""
        return self.advance_with_gates(ids, state)[0]

    def advance_with_gates(self, ids: Ids, state: State) -> tuple[State, list[Gates]]:
        """Return the state of ``advance``, and the gates of each layer."""
        gates: list[Gates] = []
        hidden_LBH = np.empty_like(state.hidden)
        cell_LBH = None if state.cell is None else np.empty_like(state.cell)
        weights = self.weights
        gates_BG = weights.table_VG[ids]
        for k in range(self.settings.layers):
            if k:
                start_BG = np.broadcast_to(weights.bias_LG[k - 1], gates_BG.shape)
                gates_BG = accumulate(start_BG, hidden_LBH[k - 1], weights.input_LHG[k - 1])
            if state.cell is not None and cell_LBH is not None:
                gates_BG = accumulate(gates_BG, state.hidden[k], weights.recurrent_LHG[k])
                gates.append(lstm_gates(gates_BG))
                hidden_LBH[k], cell_LBH[k] = lstm(gates[k], state.cell[k])
            elif self.settings.cell == "gru":
                gates.append(self._gru_gates(k, gates_BG, state.hidden[k]))
                _, update_BH, new_BH = gates[k]
                hidden_LBH[k] = (ONE - update_BH) * new_BH + update_BH * state.hidden[k]
            else:
                gates_BG = accumulate(gates_BG, state.hidden[k], weights.recurrent_LHG[k])
                gates.append(())
                hidden_LBH[k] = tanh(gates_BG)
        return State(hidden=hidden_LBH, cell=cell_LBH), gates

    def _gru_gates(self, k: int, gates_BG: Floats, hidden_BH: Floats) -> Gates:
        """Return reset, update and candidate, with a separate sum for the candidate."""
        hidden = hidden_BH.shape[1]
        start_BG = gates_BG.copy()
        start_BG[:, 2 * hidden :] = self.weights.recurrent_bias_LH[k]
        sums_BG = accumulate(start_BG, hidden_BH, self.weights.recurrent_LHG[k])
        reset_update_B2H = sigmoid(sums_BG[:, : 2 * hidden])
        reset_BH, update_BH = reset_update_B2H[:, :hidden], reset_update_B2H[:, hidden:]
        new_BH = tanh(gates_BG[:, 2 * hidden :] + reset_BH * sums_BG[:, 2 * hidden :])
        return reset_BH, update_BH, new_BH

    def logits(self, state: State) -> Floats:
        """Return the logits of the next symbol, (B, V)."""
        top_BH = state.hidden[-1]
        shape = (len(top_BH), len(self.weights.output_bias_V))
        start_BV = np.broadcast_to(self.weights.output_bias_V, shape)
        return accumulate(start_BV, top_BH, self.weights.output_HV)

    def step(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read one symbol of each sequence, (B,); return logits (B, V) and new state."""
        state = self.advance(ids, state)
        return self.logits(state), state


def lstm_gates(sums_BG: Floats) -> Gates:
    """Return the gates i, f, g, o, (B, H) each, from their sums."""
    in_BH, forget_BH, new_BH, out_BH = np.split(sums_BG, 4, axis=1)
    return sigmoid(in_BH), sigmoid(forget_BH), tanh(new_BH), sigmoid(out_BH)


def lstm(gates: Gates, cell_BH: Floats) -> tuple[Floats, Floats]:
    """Return the next hidden and cell state, (B, H), from the gates i, f, g, o."""
    in_BH, forget_BH, new_BH, out_BH = gates
    cell_BH = forget_BH * cell_BH + in_BH * new_BH
    return out_BH * tanh(cell_BH), cell_BH
