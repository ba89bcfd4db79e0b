"""One recurrent layer over a minibatch, forward and backward, on one thread.

A layer's input writes to ``Gates`` (``layer_inputs``). ``RecurrentLayer.forward`` then computes the
states of all time steps in the same memory, and ``LayerResult.backward`` the gradients.

Axes: T time steps, B sequences, R sequences padded to whole tiles, M = T R, I values of an input,
H hidden units, G gates times H, S saved activations of a row (``kernels.forward``), V vocabulary,
J as in ``kernels.gemm_bf16``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from charloom.network.backprop.matmul import Bf16Bits, Bf16Matrix, Floats, Fp32Matrix, Matrix
from charloom.network.batch import Ids
from charloom.network.kernels import backward, forward, gemm_bf16, gemm_fp32, matmul_bf16
from charloom.network.kernels.forward import ACTIVATION_COUNTS, CELL_IDS
from charloom.network.reference import GATE_COUNTS
from charloom.settings import Cell


class Gates:
    """The gates of all time steps, to which a layer's input is written."""

    def __init__(self, cell: Cell, hidden: int, *, steps: int, sequences: int) -> None:
        self.cell: Cell = cell
        self.sequences = sequences
        rows, width = gemm_fp32.padded_rows(sequences), ACTIVATION_COUNTS[cell] * hidden
        self.rows_TRS = gemm_fp32.empty_padded(steps, rows, width)
        self.rows_TRS[:, sequences:] = 0
        self.width = GATE_COUNTS[cell] * hidden
        """G, the number of gates times H."""

    def look_up(self, table_VG: Floats, ids_TB: Ids) -> None:
        """Write the table's row of each symbol."""
        forward.gather_gates(table_VG, ids_TB, self.rows_TRS, CELL_IDS[self.cell])

    def project(self, inputs: Matrix, weight_GI: Floats, bias_G: Floats) -> None:
        """Write the product of inputs (M, I) and the transposed weight, plus the bias."""
        for gates, rows_MG in self.blocks():
            inputs.matmul_t(weight_GI[gates], bias_G[gates], rows_MG)

    def blocks(self) -> list[tuple[slice, Floats]]:
        """Return which gates (columns of G) are stored in which columns of the rows."""
        rows_MS = self.rows_TRS.reshape(-1, self.rows_TRS.shape[2])
        hidden = rows_MS.shape[1] // ACTIVATION_COUNTS[self.cell]
        if self.cell == "gru":
            candidate = slice(2 * hidden, 3 * hidden), rows_MS[:, :hidden]
            return [candidate, (slice(2 * hidden), rows_MS[:, hidden : 3 * hidden])]
        return [(slice(self.width), rows_MS[:, : self.width])]


class GateGrads:
    """The gradient of a layer's input to the gates, in the memory of ``Gates``."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates

    def write_table(self, ids_TB: Ids, table_VG: Floats) -> None:
        """Write the gradient of the table given to ``Gates.look_up``."""
        table_VG[...] = 0
        cell_id = CELL_IDS[self._gates.cell]
        backward.scatter_add_gates(table_VG, ids_TB, self._gates.rows_TRS, cell_id)

    def of_products(self) -> Floats:
        """Return the gradient of the products of ``Gates.project``, (M, G)."""
        steps, rows, _ = self._gates.rows_TRS.shape
        grad_MG = np.empty((steps * rows, self._gates.width), np.float32)
        for gates, rows_MG in self._gates.blocks():
            grad_MG[:, gates] = rows_MG
        return grad_MG


class LayerGrads(NamedTuple):
    """Gradients of what one layer reads."""

    hidden_BH: Floats
    """Gradient of the initial hidden state."""
    cell_BH: Floats
    """Gradient of the initial cell state; zeros except for lstm."""
    gates: GateGrads


@dataclasses.dataclass(slots=True)
class RecurrentLayer:
    """The recurrent parameters of a layer; their values may change between calls."""

    cell: Cell
    weight_GH: Floats
    bias_H: Floats | None
    """Bias inside the reset gate's product; gru only."""

    def forward(
        self, gates: Gates, hidden_BH: Floats, cell_BH: Floats | None, *, bf16: bool
    ) -> LayerResult:
        """Run all time steps from the given states; overwrites ``gates``.

        ``cell_BH`` is read for lstm only. With ``bf16`` the factors of the recurrent product are
        rounded to bfloat16.
        """
        steps, rows, _ = gates.rows_TRS.shape
        hidden = self.weight_GH.shape[1]
        states = forward.LayerStates(
            gates.rows_TRS,
            _padded_states(steps, rows, hidden, hidden_BH),
            _padded_states(steps if self.cell == "lstm" else 0, rows, hidden, cell_BH),
        )
        bits_MJ = matmul_bf16.empty_padded(steps * rows, hidden) if bf16 else None
        packing = gemm_bf16 if bf16 else gemm_fp32
        forward.FORWARD[self.cell](
            states,
            np.zeros(hidden, np.float32) if self.bias_H is None else self.bias_H,
            packing.pack_transposed(self.weight_GH),
            _by_step(bits_MJ, rows),
        )
        return LayerResult(self, gates, states, bits_MJ)


@dataclasses.dataclass(slots=True)
class LayerResult:
    """States of one layer for all time steps; call ``backward`` at most once."""

    layer: RecurrentLayer
    gates: Gates
    states: forward.LayerStates
    bits_MJ: Bf16Bits | None
    """Hidden states before each step, rounded; None in float32."""

    @property
    def hidden_MH(self) -> Floats:
        """The hidden states of all time steps."""
        hidden_TRH = self.states.hidden_TBH
        return hidden_TRH[1:].reshape(-1, hidden_TRH.shape[2])

    @property
    def final_hidden_BH(self) -> Floats:
        """The hidden state after the last time step."""
        return self.states.hidden_TBH[-1, : self.gates.sequences]

    @property
    def final_cell_BH(self) -> Floats:
        """The cell state after the last time step; meaningless except for lstm."""
        return self.states.cell_TBH[-1, : self.gates.sequences]

    def backward(self, grad_hidden_MH: Floats, grads: Mapping[str, Floats]) -> LayerGrads:
        """Write the gradients of the parameters; return those of what the layer read.

        ``grad_hidden_MH`` is the gradient of ``hidden_MH``. Overwrites activations. ``grads`` are
        ``recurrent_weight`` and, for gru, ``recurrent_bias``; neither of a frozen layer.
        """
        weight_GH, cell = self.layer.weight_GH, self.layer.cell
        size, hidden = grad_hidden_MH.shape
        _, rows, _ = self.gates.rows_TRS.shape
        state_1RH, cell_1RH = (_padded_states(0, rows, hidden, None) for _ in range(2))
        bf16 = self.bits_MJ is not None
        bits_MJ = matmul_bf16.empty_padded(size, len(weight_GH)) if bf16 else None
        packing = gemm_bf16 if bf16 else gemm_fp32
        backward.BACKWARD[cell](
            self.states,
            grad_hidden_MH.reshape(-1, rows, hidden),
            backward.StateGrads(state_1RH[0], cell_1RH[0]),
            packing.pack(weight_GH),
            _by_step(bits_MJ, rows),
        )
        grad_MS = self.gates.rows_TRS.reshape(size, -1)
        if "recurrent_weight" in grads:
            self._write_weight_grad(grad_MS, bits_MJ, grads["recurrent_weight"])
        if "recurrent_bias" in grads:
            grad_MS[:, 3 * hidden :].sum(0, out=grads["recurrent_bias"])
        return LayerGrads(
            hidden_BH=state_1RH[0, : self.gates.sequences],
            cell_BH=cell_1RH[0, : self.gates.sequences],
            gates=GateGrads(self.gates),
        )

    def _write_weight_grad(
        self, grad_MS: Floats, grad_bits_MJ: Bf16Bits | None, result_GH: Floats
    ) -> None:
        """Write the gradient of the recurrent weight."""
        gates, hidden = self.layer.weight_GH.shape
        size = len(grad_MS)
        if self.bits_MJ is None or grad_bits_MJ is None:
            first = hidden if self.layer.cell == "gru" else 0
            before = Fp32Matrix(self.states.hidden_TBH[:-1].reshape(size, hidden))
            Fp32Matrix(grad_MS[:, first : first + gates]).t_matmul(before, result_GH)
            return
        before_bits = Bf16Matrix(self.bits_MJ, size, hidden)
        Bf16Matrix(grad_bits_MJ, size, gates).t_matmul(before_bits, result_GH)


def _by_step(bits_MJ: Bf16Bits | None, rows: int) -> Bf16Bits | None:
    """Return bits with an axis of time steps, (T, R, J)."""
    return None if bits_MJ is None else bits_MJ.reshape(-1, rows, bits_MJ.shape[1])


def _padded_states(steps: int, rows: int, hidden: int, initial_BH: Floats | None) -> Floats:
    """Return uninitialized states behind an initial one, (T + 1, R, H); None is zeros."""
    states_TRH = gemm_fp32.empty_padded(steps + 1, rows, hidden)
    states_TRH[0] = 0
    if initial_BH is not None:
        states_TRH[0, : len(initial_BH)] = initial_BH
    return states_TRH
