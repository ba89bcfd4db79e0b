"""Backward pass of recurrent layers, on one thread.

``BACKWARD`` replaces the activations that ``forward`` saved by gradients. Afterwards the
blocks of the gates hold the gradient of the input's contribution (gru: n, r, z), and adjacent
blocks that of the recurrent product (lstm, rnn: the same; gru: r, z, m).

Axes: T time steps, B sequences with padding, H hidden units, S saved activations of a row, G gates
times H, V vocabulary, E values of an embedding, J G padded as in ``gemm_bf16``.
"""

from typing import Any, Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from charloom.network.exact import ONE
from charloom.network.kernels.forward import GRU, LSTM, RNN, add_recurrent_product, kernel
from charloom.settings import Cell


@kernel
def scatter_add_gates(table_VG, ids_TB, grad_TBS, cell_kind):
    """Add the gates' gradients of each row to row ``ids_TB[t, b]`` of a table.

    This is the gradient of ``forward.gather_gates`` with respect to its table.
    """
    T, B = ids_TB.shape
    G = table_VG.shape[1]
    H = G // 3
    for t in range(T):
        for b in range(B):
            row_G, grad_S = table_VG[ids_TB[t, b]], grad_TBS[t, b]
            if cell_kind == GRU:
                for j in range(H):
                    row_G[2 * H + j] += grad_S[j]
                for j in range(2 * H):
                    row_G[j] += grad_S[H + j]
            else:
                for j in range(G):
                    row_G[j] += grad_S[j]


@kernel
def scatter_add_rows(table_VE, ids_TB, rows_TBE):
    """Add row (t, b) to row ``ids_TB[t, b]`` of a table."""
    T, B = ids_TB.shape
    for t in range(T):
        for b in range(B):
            table_row_E, row_E = table_VE[ids_TB[t, b]], rows_TBE[t, b]
            for e in range(len(table_row_E)):
                table_row_E[e] += row_E[e]


class StateGrads(NamedTuple):
    """Gradients of one hidden and cell state, padded (``empty_padded``)."""

    hidden_BH: NDArray[np.float32]
    cell_BH: NDArray[np.float32]
    """Read and written for lstm only."""


@numba.njit(inline="always")
def _backward(cell_kind, states, grad_hidden_TBH, grads, packed, bf16_TBJ):
    activations_TBS, hidden_TBH, cell_TBH = states
    T, B = activations_TBS.shape[:2]
    H = hidden_TBH.shape[2]
    first = H if cell_kind == GRU else 0
    G = 3 * H if cell_kind == GRU else 4 * H if cell_kind == LSTM else H
    for t in range(T - 1, -1, -1):
        for b in range(B):
            row_S, state_H = activations_TBS[t, b], grads.hidden_BH[b]
            output_H = grad_hidden_TBH[t, b]
            if cell_kind == LSTM:
                _lstm_backward(row_S, cell_TBH[t, b], output_H, state_H, grads.cell_BH[b])
            elif cell_kind == GRU:
                _gru_backward(row_S, hidden_TBH[t, b], output_H, state_H)
            else:
                after_H = hidden_TBH[t + 1, b]
                for j in range(H):
                    row_S[j] = (state_H[j] + output_H[j]) * (ONE - after_H[j] * after_H[j])
                    state_H[j] = 0
        gates = first, first + G
        add_recurrent_product(grads.hidden_BH, activations_TBS, t, gates, packed, bf16_TBJ)


@kernel
def _backward_lstm(states, grad_hidden_TBH, grads, packed, bf16_TBJ):
    _backward(LSTM, states, grad_hidden_TBH, grads, packed, bf16_TBJ)


@kernel
def _backward_gru(states, grad_hidden_TBH, grads, packed, bf16_TBJ):
    _backward(GRU, states, grad_hidden_TBH, grads, packed, bf16_TBJ)


@kernel
def _backward_rnn(states, grad_hidden_TBH, grads, packed, bf16_TBJ):
    _backward(RNN, states, grad_hidden_TBH, grads, packed, bf16_TBJ)


BACKWARD: Final[dict[Cell, Any]] = {
    "lstm": _backward_lstm,
    "gru": _backward_gru,
    "rnn": _backward_rnn,
}
"""Functions that backpropagate through the T time steps of ``forward.FORWARD``.

    BACKWARD[cell](states, grad_hidden_TBH, grads, packed, bf16_TBJ)

``states`` are its ``LayerStates``; their activations become gradients. ``grad_hidden_TBH`` is the
gradient of the T hidden states as outputs. ``grads``, a ``StateGrads``, holds the gradient of the
last states and becomes that of the initial ones. ``packed`` is the recurrent weight, (G, H), packed
by ``gemm_fp32``. With ``bf16_TBJ`` it is packed by ``gemm_bf16``, and the gradient of each
recurrent product is stored there, rounded; None is float32.
"""


@kernel
def _lstm_backward(activations_S, before_H, output_H, state_H, cell_H):
    """Replace activations by gradients; ``before_H`` is the previous cell state.

    On entry ``state_H`` and ``cell_H`` are gradients from the next step, on return those for the
    previous one, except the recurrent product's part of ``state_H``.
    """
    H = len(before_H)
    i, f = activations_S[:H], activations_S[H : 2 * H]
    g, o = activations_S[2 * H : 3 * H], activations_S[3 * H : 4 * H]
    c = activations_S[4 * H :]
    for j in range(H):
        hidden = state_H[j] + output_H[j]
        state_H[j] = 0
        cell = cell_H[j] + hidden * o[j] * (ONE - c[j] * c[j])
        cell_H[j] = cell * f[j]
        o[j] = hidden * c[j] * o[j] * (ONE - o[j])
        f[j] = cell * before_H[j] * f[j] * (ONE - f[j])
        gate = i[j]
        i[j] = cell * g[j] * gate * (ONE - gate)
        g[j] = cell * gate * (ONE - g[j] * g[j])


@kernel
def _gru_backward(activations_S, before_H, output_H, state_H):
    """Replace activations by gradients; ``before_H`` is the previous state."""
    H = len(before_H)
    n, r = activations_S[:H], activations_S[H : 2 * H]
    z, m = activations_S[2 * H : 3 * H], activations_S[3 * H :]
    for j in range(H):
        hidden = state_H[j] + output_H[j]
        state_H[j] = hidden * z[j]
        candidate = hidden * (ONE - z[j]) * (ONE - n[j] * n[j])
        z[j] = hidden * (before_H[j] - n[j]) * z[j] * (ONE - z[j])
        gate = r[j]
        r[j] = candidate * m[j] * gate * (ONE - gate)
        m[j] = candidate * gate
        n[j] = candidate
