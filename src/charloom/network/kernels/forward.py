"""Run a recurrent layer over T time steps, in float32 on one thread.

Every time step and sequence has one row of saved activations, several blocks of H values:

    lstm  i, f, g, o, tanh(c)        gru  n, r, z, m        rnn  h

Here m is the candidate's recurrent product plus its bias. Before a step runs, the blocks of the
gates hold the input's contribution to their pre-activations, biases included. ``gru`` keeps its
candidate gate n first, so that the recurrent product writes to adjacent blocks: r, z, m.

The equations are those of ``reference``. B is a multiple of ``gemm_fp32.TILE_ROWS``; rows beyond
the last sequence are computed and ignored.

Axes: T time steps, B sequences with padding, H hidden units, S saved activations of a row, G gates
times H, V vocabulary, J H padded as in ``gemm_bf16``.
"""

from typing import Any, Final, NamedTuple

import numba
import numpy as np
from numba import extending, types
from numpy.typing import NDArray

from charloom.jit.decorator import compiled
from charloom.network.kernels import gemm_bf16, packed_bf16
from charloom.network.kernels.exact_compiled import sigmoid, tanh
from charloom.settings import Cell

LSTM, GRU, RNN = 0, 1, 2
CELL_IDS: Final[dict[Cell, int]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
ACTIVATION_COUNTS: Final[dict[Cell, int]] = {"lstm": 5, "gru": 4, "rnn": 1}
"""Blocks of H saved activations in a row: S = this times H."""

# A product and a sum may become one fused operation; sums keep their order.
kernel = compiled(fastmath={"contract", "nsz", "nnan"})


class LayerStates(NamedTuple):
    """Arrays that a layer's forward pass fills and its backward pass reads."""

    activations_TBS: NDArray[np.float32]
    """Saved activations, see the module; padded (``gemm_fp32.empty_padded``)."""
    hidden_TBH: NDArray[np.float32]
    """Hidden states, T + 1 of them: the initial state comes first; padded."""
    cell_TBH: NDArray[np.float32]
    """Cell states of lstm, T + 1 of them; any array of that rank for other cells."""


@kernel
def gather_gates(table_VG, ids_TB, activations_TBS, cell_kind):
    """Write row ``ids_TB[t, b]`` of a table to the gates of each activation row.

    Columns of the table are gates in the order of the model folder (gru: r, z, n).
    """
    T, B = ids_TB.shape
    G = table_VG.shape[1]
    H = G // 3
    for t in range(T):
        for b in range(B):
            row_G, activations_S = table_VG[ids_TB[t, b]], activations_TBS[t, b]
            if cell_kind == GRU:
                for j in range(H):
                    activations_S[j] = row_G[2 * H + j]
                for j in range(2 * H):
                    activations_S[H + j] = row_G[j]
            else:
                for j in range(G):
                    activations_S[j] = row_G[j]


def add_recurrent_product(sums_BN, rows_TBX, t, columns, packed, bf16_TBJ):
    """Add the product of the rows of step ``t`` and a packed matrix to ``sums_BN``.

    The rows are the columns (first, last) of ``rows_TBX[t]``. With ``bf16_TBJ``, they are stored
    there rounded, and the product is that of ``gemm_bf16``; else it is that of ``gemm_fp32``.
    """
    add = _add_fp32 if bf16_TBJ is None else _add_bf16
    add(sums_BN, rows_TBX, t, columns, packed, bf16_TBJ)


def _add_fp32(sums_BN, rows_TBX, t, columns, packed, bf16_TBJ):
    packed_bf16.add_product(sums_BN, rows_TBX[t, :, columns[0] :], packed)


def _add_bf16(sums_BN, rows_TBX, t, columns, packed, bf16_TBJ):
    first, last = columns
    bits_BJ = bf16_TBJ[t]
    gemm_bf16.round_rows(rows_TBX[t].view(np.uint32), first, last - first, bits_BJ)
    gemm_bf16.add_product(sums_BN, bits_BJ, packed)


@extending.overload(add_recurrent_product)
def _choose_product(sums_BN, rows_TBX, t, columns, packed, bf16_TBJ):
    """Choose the function for compiled code by type.

    Numba would compile both branches of ``add_recurrent_product``.
    """
    return _add_fp32 if isinstance(bf16_TBJ, types.NoneType) else _add_bf16


@numba.njit(inline="always")
def _forward(cell_kind, states, recurrent_bias_H, packed, bf16_TBJ):
    activations_TBS, hidden_TBH, cell_TBH = states
    T, B = activations_TBS.shape[:2]
    H = hidden_TBH.shape[2]
    first = H if cell_kind == GRU else 0
    for t in range(T):
        if cell_kind == GRU:
            for b in range(B):
                for j in range(H):
                    activations_TBS[t, b, 3 * H + j] = recurrent_bias_H[j]
        sums_BN = activations_TBS[t, :, first:]
        add_recurrent_product(sums_BN, hidden_TBH, t, (0, H), packed, bf16_TBJ)
        for b in range(B):
            before_H, after_H = hidden_TBH[t, b], hidden_TBH[t + 1, b]
            if cell_kind == LSTM:
                _lstm(activations_TBS[t, b], cell_TBH[t, b], cell_TBH[t + 1, b], after_H)
            elif cell_kind == GRU:
                _gru(activations_TBS[t, b], before_H, after_H)
            else:
                for j in range(H):
                    after_H[j] = tanh(activations_TBS[t, b, j])


@kernel
def _forward_lstm(states, recurrent_bias_H, packed, bf16_TBJ):
    _forward(LSTM, states, recurrent_bias_H, packed, bf16_TBJ)


@kernel
def _forward_gru(states, recurrent_bias_H, packed, bf16_TBJ):
    _forward(GRU, states, recurrent_bias_H, packed, bf16_TBJ)


@kernel
def _forward_rnn(states, recurrent_bias_H, packed, bf16_TBJ):
    _forward(RNN, states, recurrent_bias_H, packed, bf16_TBJ)


FORWARD: Final[dict[Cell, Any]] = {
    "lstm": _forward_lstm,
    "gru": _forward_gru,
    "rnn": _forward_rnn,
}
"""Functions that run T time steps and fill ``states``, whose initial states are set.

    FORWARD[cell](states, recurrent_bias_H, packed, bf16_TBJ)

``states`` is a ``LayerStates``. ``packed`` is the transposed recurrent weight, (H, G), packed by
``gemm_fp32``. With ``bf16_TBJ`` it is packed by ``gemm_bf16``, and the hidden state before each
step is stored there, rounded; None is float32. ``recurrent_bias_H`` is read for gru only.

Each cell has a function of its own, so that a run compiles only the code of its cell.
"""


@kernel
def _lstm(activations_S, before_H, after_H, hidden_H):
    """Apply the nonlinearities of one row; write the next cell and hidden state."""
    H = len(before_H)
    i, f = activations_S[:H], activations_S[H : 2 * H]
    g, o = activations_S[2 * H : 3 * H], activations_S[3 * H : 4 * H]
    c = activations_S[4 * H :]
    for j in range(H):
        i[j], f[j] = sigmoid(i[j]), sigmoid(f[j])
        g[j], o[j] = tanh(g[j]), sigmoid(o[j])
        new = f[j] * before_H[j] + i[j] * g[j]
        after_H[j] = new
        c[j] = tanh(new)
        hidden_H[j] = o[j] * c[j]


@kernel
def _gru(activations_S, before_H, after_H):
    """Apply the nonlinearities of one row; write the next hidden state."""
    H = len(before_H)
    n, r = activations_S[:H], activations_S[H : 2 * H]
    z, m = activations_S[2 * H : 3 * H], activations_S[3 * H :]
    for j in range(H):
        r[j], z[j] = sigmoid(r[j]), sigmoid(z[j])
        n[j] = tanh(n[j] + r[j] * m[j])
        after_H[j] = n[j] + z[j] * (before_H[j] - n[j])
