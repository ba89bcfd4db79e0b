"""Recurrent layers over T steps, compiled by Numba for one thread, float32.

What a layer comes to lies in slots of H values for each stream and step:

    lstm  i, f, g, o, tanh(c)        gru  n, r, z, m        rnn  h

where m is the recurrent product of the candidate state and its bias. What the input adds to the
gates stands in the slots before, and is replaced by the above.

B is a multiple of ``tiles.ROWS``; what the rows beyond the streams come to is not used.

Axes: T steps, B streams, H hidden units, S slots times H, G gates times H, V symbols,
J as in bfloat16.py.
"""

from typing import Final

import numba
from numba import extending, types

from charloom.network.kernels import gemm_bf16, gemm_fp32
from charloom.network.kernels.exact_compiled import sigmoid, tanh
from charloom.settings import Cell

LSTM, GRU, RNN = 0, 1, 2
CELL_IDS: Final[dict[Cell, int]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
ACTIVATION_COUNTS: Final[dict[Cell, int]] = {"lstm": 5, "gru": 4, "rnn": 1}

kernel = numba.njit(
    nogil=True,
    cache=True,
    error_model="numpy",
    # A product and a sum may become one operation; sums keep their order.
    fastmath={"contract", "nsz", "nnan"},
)


def add_product(sums, sums_at, sums_row, rows, rows_at, rows_row, K, B, packed, rounded_TBJ, t):
    """Add the product of B rows of K values and a packed matrix to sums, within compiled code.

    Where ``rounded_TBJ`` is no array but None, it is that of tiles.py. Otherwise the rows are left
    there, rounded, for step t, and the product is that of bfloat16.py.
    """


@extending.overload(add_product)
def _overload(sums, sums_at, sums_row, rows, rows_at, rows_row, K, B, packed, rounded_TBJ, t):
    def exact(sums, sums_at, sums_row, rows, rows_at, rows_row, K, B, packed, rounded_TBJ, t):
        gemm_fp32.add_product(
            sums, sums_at, sums_row, rows, rows_at, rows_row, B // gemm_fp32.TILE_ROWS, packed
        )

    def rounded(sums, sums_at, sums_row, rows, rows_at, rows_row, K, B, packed, rounded_TBJ, t):
        for b in range(B):
            row_at = rows_at + b * rows_row
            gemm_bf16.round_row(rows[row_at : row_at + K], rounded_TBJ[t, b])
        J = rounded_TBJ.shape[2]
        gemm_bf16.add_product(
            sums, sums_at, sums_row, rounded_TBJ.reshape(-1), t * B * J, J, B, packed
        )

    return exact if isinstance(rounded_TBJ, types.NoneType) else rounded


@kernel
def gather_gates(table_VG, ids_TB, slots_TBS, cell):
    """Write the rows of a table that symbols have into the slots."""
    T, B = ids_TB.shape
    G = table_VG.shape[1]
    H = G // 3
    for t in range(T):
        for b in range(B):
            row_G, slots_S = table_VG[ids_TB[t, b]], slots_TBS[t, b]
            if cell == GRU:
                for j in range(H):
                    slots_S[j] = row_G[2 * H + j]
                for j in range(2 * H):
                    slots_S[H + j] = row_G[j]
            else:
                for j in range(G):
                    slots_S[j] = row_G[j]


@kernel
def forward_layer(
    cell, slots_TBS, hidden_TBH, memory_TBH, recurrent_bias_H, packed, rounded_TBJ=None
):
    """Run a layer; ``hidden_TBH`` and ``memory_TBH`` (lstm's c) begin with the state before.

    They have T + 1 steps. ``packed`` is the transposed recurrent weight, (H, G), packed. Behind the
    last slots and states there is room for the columns of a tile.

    With ``rounded_TBJ`` the recurrent products are of bfloat16, and ``packed`` is of that; the
    hidden states before each step are left there, rounded.
    """
    T, B, S = slots_TBS.shape
    H = hidden_TBH.shape[2]
    slots, hidden = slots_TBS.reshape(T * B * S), hidden_TBH.reshape((T + 1) * B * H)
    first = H if cell == GRU else 0
    for t in range(T):
        if cell == GRU:
            for b in range(B):
                for j in range(H):
                    slots_TBS[t, b, 3 * H + j] = recurrent_bias_H[j]
        at, of = t * B * S + first, t * B * H
        add_product(slots, at, S, hidden, of, H, H, B, packed, rounded_TBJ, t)
        for b in range(B):
            before_H, after_H = hidden_TBH[t, b], hidden_TBH[t + 1, b]
            if cell == LSTM:
                _lstm(slots_TBS[t, b], memory_TBH[t, b], memory_TBH[t + 1, b], after_H)
            elif cell == GRU:
                _gru(slots_TBS[t, b], before_H, after_H)
            else:
                for j in range(H):
                    after_H[j] = tanh(slots_TBS[t, b, j])


@kernel
def _lstm(slots_S, before_H, after_H, hidden_H):
    H = len(before_H)
    i, f, g, o = slots_S[:H], slots_S[H : 2 * H], slots_S[2 * H : 3 * H], slots_S[3 * H : 4 * H]
    c = slots_S[4 * H :]
    for j in range(H):
        i[j], f[j] = sigmoid(i[j]), sigmoid(f[j])
        g[j], o[j] = tanh(g[j]), sigmoid(o[j])
        new = f[j] * before_H[j] + i[j] * g[j]
        after_H[j] = new
        c[j] = tanh(new)
        hidden_H[j] = o[j] * c[j]


@kernel
def _gru(slots_S, before_H, after_H):
    H = len(before_H)
    n, r, z, m = slots_S[:H], slots_S[H : 2 * H], slots_S[2 * H : 3 * H], slots_S[3 * H :]
    for j in range(H):
        r[j], z[j] = sigmoid(r[j]), sigmoid(z[j])
        n[j] = tanh(n[j] + r[j] * m[j])
        after_H[j] = n[j] + z[j] * (before_H[j] - n[j])
