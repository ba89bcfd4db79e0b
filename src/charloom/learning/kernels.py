"""Recurrent layers over T steps, forward and backward, compiled by Numba for one thread, float32.

What a layer needs between the passes lies in slots of H values for each stream and step:

    lstm  i, f, g, o, tanh(c)        gru  n, r, z, m        rnn  h

where m is the recurrent product of the candidate state and its bias. What the input adds to the
gates stands in the slots before the forward pass, which replaces it by the above; the backward pass
replaces that by gradients: of what the input added in the first slots (gru: n, r, z), of the
recurrent product in as many slots (gru: r, z, m).

B is a multiple of ``tiles.ROWS``; what the rows beyond the streams come to is not used.

Axes: T steps, B streams, H hidden units, S slots times H, G gates times H, V symbols.
"""

import numba

from charloom.arithmetic.compiled import sigmoid, tanh
from charloom.arithmetic.exact import ONE
from charloom.learning.tiles import ROWS, add_product

LSTM, GRU, RNN = 0, 1, 2

_compiled = numba.njit(
    nogil=True,
    cache=True,
    error_model="numpy",
    # A product and a sum may become one operation; sums keep their order.
    fastmath={"contract", "nsz", "nnan"},
)


@_compiled
def look_up(table_VG, ids_TB, slots_TBS, cell):
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


@_compiled
def add_up(table_VG, ids_TB, slots_TBS, cell):
    """Add the gradients in the slots to the rows of a table that symbols have."""
    T, B = ids_TB.shape
    G = table_VG.shape[1]
    H = G // 3
    for t in range(T):
        for b in range(B):
            row_G, slots_S = table_VG[ids_TB[t, b]], slots_TBS[t, b]
            if cell == GRU:
                for j in range(H):
                    row_G[2 * H + j] += slots_S[j]
                for j in range(2 * H):
                    row_G[j] += slots_S[H + j]
            else:
                for j in range(G):
                    row_G[j] += slots_S[j]


@_compiled
def forward(cell, slots_TBS, hidden_TBH, memory_TBH, recurrent_bias_H, packed):
    """Run a layer; ``hidden_TBH`` and ``memory_TBH`` (lstm's c) begin with the state before.

    They have T + 1 steps. ``packed`` is the transposed recurrent weight, (H, G), packed. Behind the
    last slots and states there is room for the columns of a tile.
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
        add_product(slots, t * B * S + first, S, hidden, t * B * H, H, B // ROWS, packed)
        for b in range(B):
            before_H, after_H = hidden_TBH[t, b], hidden_TBH[t + 1, b]
            if cell == LSTM:
                _lstm(slots_TBS[t, b], memory_TBH[t, b], memory_TBH[t + 1, b], after_H)
            elif cell == GRU:
                _gru(slots_TBS[t, b], before_H, after_H)
            else:
                for j in range(H):
                    after_H[j] = tanh(slots_TBS[t, b, j])


@_compiled
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


@_compiled
def _gru(slots_S, before_H, after_H):
    H = len(before_H)
    n, r, z, m = slots_S[:H], slots_S[H : 2 * H], slots_S[2 * H : 3 * H], slots_S[3 * H :]
    for j in range(H):
        r[j], z[j] = sigmoid(r[j]), sigmoid(z[j])
        n[j] = tanh(n[j] + r[j] * m[j])
        after_H[j] = n[j] + z[j] * (before_H[j] - n[j])


@_compiled
def backward(cell, slots_TBS, hidden_TBH, memory_TBH, given_TBH, state_BH, memory_BH, packed):
    """Go back over the steps of ``forward``.

    ``given_TBH`` is the gradient of the hidden states as an output, for the T steps;
    ``state_BH`` and ``memory_BH`` are those of the last state, and become those of the first.
    ``packed`` is the recurrent weight, (G, H), packed.
    """
    T, B, S = slots_TBS.shape
    H = hidden_TBH.shape[2]
    slots, state = slots_TBS.reshape(T * B * S), state_BH.reshape(B * H)
    first = H if cell == GRU else 0
    for t in range(T - 1, -1, -1):
        for b in range(B):
            now_S, state_H = slots_TBS[t, b], state_BH[b]
            if cell == LSTM:
                _lstm_back(now_S, memory_TBH[t, b], given_TBH[t, b], state_H, memory_BH[b])
            elif cell == GRU:
                _gru_back(now_S, hidden_TBH[t, b], given_TBH[t, b], state_H)
            else:
                after_H, given_H = hidden_TBH[t + 1, b], given_TBH[t, b]
                for j in range(H):
                    now_S[j] = (state_H[j] + given_H[j]) * (ONE - after_H[j] * after_H[j])
                    state_H[j] = 0
        add_product(state, 0, H, slots, t * B * S + first, S, B // ROWS, packed)


@_compiled
def _lstm_back(slots_S, before_H, given_H, state_H, memory_H):
    H = len(before_H)
    i, f, g, o = slots_S[:H], slots_S[H : 2 * H], slots_S[2 * H : 3 * H], slots_S[3 * H : 4 * H]
    c = slots_S[4 * H :]
    for j in range(H):
        hidden = state_H[j] + given_H[j]
        state_H[j] = 0
        memory = memory_H[j] + hidden * o[j] * (ONE - c[j] * c[j])
        memory_H[j] = memory * f[j]
        o[j] = hidden * c[j] * o[j] * (ONE - o[j])
        f[j] = memory * before_H[j] * f[j] * (ONE - f[j])
        gate = i[j]
        i[j] = memory * g[j] * gate * (ONE - gate)
        g[j] = memory * gate * (ONE - g[j] * g[j])


@_compiled
def _gru_back(slots_S, before_H, given_H, state_H):
    H = len(before_H)
    n, r, z, m = slots_S[:H], slots_S[H : 2 * H], slots_S[2 * H : 3 * H], slots_S[3 * H :]
    for j in range(H):
        hidden = state_H[j] + given_H[j]
        state_H[j] = hidden * z[j]
        candidate = hidden * (ONE - z[j]) * (ONE - n[j] * n[j])
        z[j] = hidden * (before_H[j] - n[j]) * z[j] * (ONE - z[j])
        gate = r[j]
        r[j] = candidate * m[j] * gate * (ONE - gate)
        m[j] = candidate * gate
        n[j] = candidate
