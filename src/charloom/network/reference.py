"""The network in float64 NumPy, symbol by symbol: the oracle of the engines.

x is the contribution of a layer's input to its gates, bias b included; U are the recurrent
weights, h the hidden state, c the cell state, * the product of elements:

    lstm    i = sigmoid(x_i + U_i h)    f = sigmoid(x_f + U_f h)    o = sigmoid(x_o + U_o h)
            g = tanh(x_g + U_g h)       c' = f * c + i * g          h' = o * tanh(c')
    gru     r = sigmoid(x_r + U_r h)    z = sigmoid(x_z + U_z h)
            n = tanh(x_n + r * (U_n h + b_n))                       h' = (1 - z) * n + z * h
    rnn     h' = tanh(x + U h)

For the first layer, x is W e + b for the embedding e of the symbol, or its row of a table plus b
(one-hot input). For a higher layer it is W h' + b, with h' of the lower layer. The logits are
V h' + b of the last layer.

Sources: LSTM, Hochreiter & Schmidhuber, "Long Short-Term Memory", 1997, with the forget gate of
Gers et al., "Learning to Forget", 2000. GRU, Cho et al., 2014 (https://arxiv.org/abs/1406.1078), in
the reset-after variant of cuDNN: the reset gate multiplies the recurrent product, which has its own
bias b_n. Simple RNN, Elman, "Finding Structure in Time", 1990.

Axes: B sequences, V vocabulary, E embedding, I inputs of a layer, H hidden units, G gates times H
(lstm 4, gru 3, rnn 1), L layers, N labels. Names and axes of the tensors are those of the model
folder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from charloom.settings import Cell, NetworkSettings

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.integer[Any]]

GATE_COUNTS: Final[dict[Cell, int]] = {"lstm": 4, "gru": 3, "rnn": 1}
"""Gates of each cell: G = this times H."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class State:
    """Hidden and cell states between two symbols."""

    hidden: Floats
    """Hidden states, (L, B, H)."""
    cell: Floats | None
    """Cell states, (L, B, H); None except for lstm."""
    others: tuple[State, ...] = ()
    """States of the other networks of a mixture (network/mixture.py)."""

    def select(self, rows: slice | Ids) -> State:
        """Return the states of the sequences ``rows``, in this order."""
        cell = None if self.cell is None else self.cell[:, rows]
        others = tuple(state.select(rows) for state in self.others)
        return State(hidden=self.hidden[:, rows], cell=cell, others=others)

    def weighted_mean(self, weights_B: NDArray[np.float64]) -> State:
        """Return the mean of all sequences with weights of sum 1; B is then 1.

        Terms are added in float64, in the order of the sequences, and rounded once.
        """

        def mean(values_LBH: Floats) -> Floats:
            total_LH = weights_B[0] * values_LBH[:, 0].astype(np.float64)
            for weight, values_LH in zip(weights_B[1:], values_LBH.swapaxes(0, 1)[1:], strict=True):
                total_LH = total_LH + weight * values_LH
            return np.asarray(total_LH.astype(values_LBH.dtype)[:, None])

        return State(
            hidden=mean(self.hidden),
            cell=None if self.cell is None else mean(self.cell),
            others=tuple(state.weighted_mean(weights_B) for state in self.others),
        )


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), computed by tanh, which cannot overflow."""
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5)


def lstm(gates_BG: Floats, cell_BH: Floats) -> tuple[Floats, Floats]:
    """Return the next hidden and cell state, (B, H), from gates i, f, g, o."""
    hidden = cell_BH.shape[1]
    in_forget = sigmoid(gates_BG[:, : 2 * hidden])
    new_BH = np.tanh(gates_BG[:, 2 * hidden : 3 * hidden])
    cell_BH = in_forget[:, hidden:] * cell_BH + in_forget[:, :hidden] * new_BH
    return sigmoid(gates_BG[:, 3 * hidden :]) * np.tanh(cell_BH), cell_BH


def gru(inputs_BG: Floats, recurrent_BG: Floats, bias_H: Floats, hidden_BH: Floats) -> Floats:
    """Return the next hidden state, (B, H).

    Gates are in the order r, z, n: ``inputs_BG`` holds x, ``recurrent_BG`` holds U h and ``bias_H``
    holds b_n.
    """
    hidden = hidden_BH.shape[1]
    reset_update_B2H = sigmoid(inputs_BG[:, : 2 * hidden] + recurrent_BG[:, : 2 * hidden])
    reset_BH, update_BH = reset_update_B2H[:, :hidden], reset_update_B2H[:, hidden:]
    recurrent_BH = recurrent_BG[:, 2 * hidden :] + bias_H
    new_BH = np.tanh(inputs_BG[:, 2 * hidden :] + reset_BH * recurrent_BH)
    return (1 - update_BH) * new_BH + update_BH * hidden_BH


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
    """Weights of one recurrent layer, transposed, for products ``batch @ weights``."""

    input_IG: Floats
    """Input weights, or for one-hot input the table, (V, G)."""
    recurrent_HG: Floats
    bias_G: Floats
    recurrent_bias_H: Floats | None
    """Bias inside the reset gate's product; gru only."""

    def step(
        self, inputs_BG: Floats, hidden_BH: Floats, cell_BH: Floats | None
    ) -> tuple[Floats, Floats | None]:
        """Return the next hidden and cell state, (B, H), for the equations' x."""
        recurrent_BG = hidden_BH @ self.recurrent_HG
        if self.recurrent_bias_H is not None:
            return gru(inputs_BG, recurrent_BG, self.recurrent_bias_H, hidden_BH), None
        recurrent_BG += inputs_BG
        return (np.tanh(recurrent_BG), None) if cell_BH is None else lstm(recurrent_BG, cell_BH)


class Network:
    """A trained network that reads one symbol of each of B sequences at a time."""

    def __init__(
        self,
        settings: NetworkSettings,
        tensors: Mapping[str, Floats],
        dtype: DTypeLike = np.float64,
    ) -> None:
        """Copy the tensors of a model folder, converted to ``dtype``."""
        self.settings = settings
        self._dtype = np.dtype(dtype)
        arrays = {
            name: np.array(tensor, self._dtype, order="C") for name, tensor in tensors.items()
        }
        self._embedding_VE = arrays.get("embedding.weight")
        self._layers = [_build_layer(arrays, index) for index in range(settings.layers)]
        self._output_HV = np.ascontiguousarray(arrays["output.weight"].T)
        self._output_bias_V = arrays["output.bias"]
        self._tensors = arrays

    @property
    def vocabulary_size(self) -> int:
        """Number of symbols, ``<eos>`` and ``<unk>`` included."""
        return len(self._output_bias_V)

    def initial_state(self, labels: Ids) -> State:
        """Return the state before the first symbol, for label ids (B,)."""
        return initial_state(self.settings, self._tensors, labels, self._dtype)

    def advance(self, ids: Ids, state: State) -> State:
        """Return the state after one more symbol of each sequence, ids (B,)."""
        hidden_LBH = np.empty_like(state.hidden)
        cell_LBH = None if state.cell is None else np.empty_like(state.cell)
        for index, layer in enumerate(self._layers):
            cell_BH = None if state.cell is None else state.cell[index]
            if index > 0:
                inputs_BG = hidden_LBH[index - 1] @ layer.input_IG
            elif self._embedding_VE is None:
                inputs_BG = layer.input_IG[ids]
            else:
                inputs_BG = self._embedding_VE[ids] @ layer.input_IG
            inputs_BG += layer.bias_G
            hidden_LBH[index], cell_BH = layer.step(inputs_BG, state.hidden[index], cell_BH)
            if cell_LBH is not None:
                cell_LBH[index] = cell_BH
        return State(hidden=hidden_LBH, cell=cell_LBH)

    def logits(self, state: State) -> Floats:
        """Return the logits of the next symbol, (B, V)."""
        logits_BV: Floats = state.hidden[-1] @ self._output_HV + self._output_bias_V
        return logits_BV

    def step(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read one symbol of each sequence, (B,); return logits (B, V) and new state."""
        state = self.advance(ids, state)
        return self.logits(state), state


def _build_layer(tensors: Mapping[str, Floats], index: int) -> Layer:
    name = f"cells.{index}."
    table = tensors.get(name + "input_table")
    return Layer(
        input_IG=np.ascontiguousarray(tensors[name + "input_weight"].T) if table is None else table,
        recurrent_HG=np.ascontiguousarray(tensors[name + "recurrent_weight"].T),
        bias_G=tensors[name + "bias"],
        recurrent_bias_H=tensors.get(name + "recurrent_bias"),
    )


def initial_state(
    settings: NetworkSettings, tensors: Mapping[str, Floats], labels: Ids, dtype: np.dtype[Any]
) -> State:
    """Return the state before the first symbol, for label ids (B,).

    It is that of the label in the tensors ``labels.*``, and zeros for the id -1, no label.
    """

    def rows(table_NLH: Floats | None) -> Floats:
        state_BLH = np.zeros((len(labels), settings.layers, settings.hidden), dtype)
        if table_NLH is not None:
            state_BLH[labels >= 0] = table_NLH[labels[labels >= 0]]
        return np.ascontiguousarray(state_BLH.transpose(1, 0, 2))

    cell = rows(tensors.get("labels.cell")) if settings.cell == "lstm" else None
    return State(hidden=rows(tensors.get("labels.hidden")), cell=cell)
