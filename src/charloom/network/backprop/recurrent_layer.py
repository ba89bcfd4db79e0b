"""A recurrent layer over T steps, and back: compiled, on one thread of the CPU.

Axes: T steps, B streams, R streams filled up to whole tiles, I inputs, H hidden units, G gates
times H, V symbols, S slots times H, M = T R.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charloom.network.backprop.matmul import Bf16Matrix, Floats, Fp32Matrix, Matrix
from charloom.network.kernels import backward, gemm_bf16, gemm_fp32, matmul_bf16
from charloom.network.kernels.forward import (
    ACTIVATION_COUNTS,
    CELL_IDS,
    forward_layer,
    gather_gates,
)
from charloom.network.kernels.gemm_fp32 import empty_padded, padded_rows
from charloom.settings import Cell


class RecurrentLayer:
    """What a layer comes to on a minibatch: its gates are given first, then it runs, then back.

    The products are of bfloat16 if they are ``rounded``. What its states before the first step are
    is (B, H); ``memory_BH`` is the lstm's cell state, and not used by other cells.
    """

    def __init__(
        self,
        cell: Cell,
        weight_GH: Floats,
        bias_H: Floats | None,
        *,
        steps: int,
        hidden_BH: Floats,
        cell_BH: Floats | None,
        bf16: bool,
    ) -> None:
        self._cell: Cell = cell
        self._weight_GH = weight_GH
        self._streams, hidden = hidden_BH.shape
        self._bias_H = np.zeros(hidden, np.float32) if bias_H is None else bias_H
        self._rows = padded_rows(self._streams)
        self._activations_TRS = empty_padded(steps, self._rows, ACTIVATION_COUNTS[cell] * hidden)
        self._activations_TRS[:, self._streams :] = 0
        self._hidden_TRH = self._states(steps, hidden_BH)
        self._cell_TRH = self._states(steps if cell == "lstm" else 0, cell_BH)
        self._before_MJ = matmul_bf16.empty_padded(steps * self._rows, hidden) if bf16 else None

    def look_up_gates(self, table_VG: Floats, ids_TB: NDArray[np.int64]) -> None:
        """Let each symbol give the gates a row of a table, biases included."""
        gather_gates(table_VG, ids_TB, self._activations_TRS, CELL_IDS[self._cell])

    def project_gates(self, inputs: Matrix, weight_GI: Floats, bias_G: Floats) -> None:
        """Let vectors (M, I) give the gates their product with a weight, plus biases."""
        for gates, slots_MG in self._input_gate_activations():
            inputs.matmul_t(weight_GI[gates], bias_G[gates], slots_MG)

    def forward(self) -> Floats:
        """Run all steps; return the hidden states, (M, H)."""
        packing = gemm_fp32 if self._before_MJ is None else gemm_bf16
        forward_layer(
            CELL_IDS[self._cell],
            self._activations_TRS,
            self._hidden_TRH,
            self._cell_TRH,
            self._bias_H,
            packing.pack_transposed(self._weight_GH),
            self._steps_of(self._before_MJ),
        )
        return self._hidden_TRH[1:].reshape(-1, self._hidden_TRH.shape[2])

    @property
    def final_state(self) -> tuple[Floats, Floats]:
        """The hidden and the cell state after the last step, (B, H)."""
        return self._hidden_TRH[-1, : self._streams], self._cell_TRH[-1, : self._streams]

    def backward(self, grad_hidden_MH: Floats) -> tuple[Floats, Floats | None, Floats, Floats]:
        """Return the gradients of the weight, of gru's bias, and of the states before, (B, H).

        ``given_MH`` is that of the hidden states. The layer cannot run again: gradients take the
        place of what it came to.
        """
        gates, hidden = self._weight_GH.shape
        state_RH, memory_RH = (self._states(0, None) for _ in range(2))
        size = len(grad_hidden_MH)
        after_MJ = None if self._before_MJ is None else matmul_bf16.empty_padded(size, gates)
        packing = gemm_fp32 if after_MJ is None else gemm_bf16
        backward.backward_layer(
            CELL_IDS[self._cell],
            self._activations_TRS,
            self._hidden_TRH,
            self._cell_TRH,
            grad_hidden_MH.reshape(-1, self._rows, hidden),
            state_RH[0],
            memory_RH[0],
            packing.pack(self._weight_GH),
            self._steps_of(after_MJ),
        )
        slots_MS = self._activations_TRS.reshape(size, -1)
        if self._before_MJ is None or after_MJ is None:
            first = hidden if self._cell == "gru" else 0
            before = Fp32Matrix(self._hidden_TRH[:-1].reshape(size, hidden))
            weight_grad_GH = Fp32Matrix(slots_MS[:, first : first + gates]).t_matmul(before)
        else:
            before_MH = Bf16Matrix(self._before_MJ, size, hidden)
            weight_grad_GH = Bf16Matrix(after_MJ, size, gates).t_matmul(before_MH)
        bias_grad_H = backward.sum_rows(slots_MS[:, 3 * hidden :]) if self._cell == "gru" else None
        first_BH = state_RH[0, : self._streams], memory_RH[0, : self._streams]
        return weight_grad_GH, bias_grad_H, *first_BH

    def grad_table(self, ids_TB: NDArray[np.int64], symbols: int) -> Floats:
        """Return the gradient of the table whose rows were read, (V, G)."""
        table_VG = np.zeros((symbols, len(self._weight_GH)), np.float32)
        backward.scatter_add_gates(table_VG, ids_TB, self._activations_TRS, CELL_IDS[self._cell])
        return table_VG

    def grad_gates(self) -> Floats:
        """Return the gradient of what was given to the gates, (M, G)."""
        gates_MG = np.empty((self._activations_TRS[..., 0].size, len(self._weight_GH)), np.float32)
        for gates, slots_MG in self._input_gate_activations():
            gates_MG[:, gates] = slots_MG
        return gates_MG

    def _input_gate_activations(self) -> list[tuple[slice, Floats]]:
        """Return which gates have which slots for what is given to them (see layers.py)."""
        gates, hidden = self._weight_GH.shape
        slots_MS = self._activations_TRS.reshape(-1, self._activations_TRS.shape[2])
        if self._cell == "gru":
            candidate = (slice(2 * hidden, gates), slots_MS[:, :hidden])
            return [candidate, (slice(2 * hidden), slots_MS[:, hidden:gates])]
        return [(slice(gates), slots_MS[:, :gates])]

    def _steps_of(self, rounded_MJ: NDArray[np.uint16] | None) -> NDArray[np.uint16] | None:
        if rounded_MJ is None:
            return None
        return rounded_MJ.reshape(-1, self._rows, rounded_MJ.shape[1])

    def _states(self, steps: int, first_BH: Floats | None) -> Floats:
        """Return room for the states of so many steps behind a first one, (T + 1, R, H)."""
        states_TRH = empty_padded(steps + 1, self._rows, self._weight_GH.shape[1])
        states_TRH[0] = 0
        if first_BH is not None:
            states_TRH[0, : self._streams] = first_BH
        return states_TRH
