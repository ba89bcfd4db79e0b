"""Recurrent layers backward over T steps, and dropout; compiled by Numba for one thread, float32.

Forward passes are those of arithmetic/layers.py. The backward pass replaces what they left in the
slots by gradients: of what the input added to the gates in the first slots (gru: n, r, z), of the
recurrent product in as many slots (gru: r, z, m).

Axes: T steps, B streams, H hidden units, S slots times H, G gates times H, V symbols, K masks, N
values.
"""

from typing import Final

import numpy as np

from charloom.arithmetic.exact import ONE
from charloom.arithmetic.layers import GRU, LSTM, compiled
from charloom.arithmetic.tiles import ROWS, add_product

LEVELS: Final = 1 << 16
"""How many different draws decide about dropout: 16 bits each."""


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
def drop(values_N, drawn_N, kept, result_KN):
    """Write the values under each mask: those kept of ``LEVELS`` draws, divided by that."""
    K, N = result_KN.shape
    scale = np.float32(LEVELS) / np.float32(kept)
    for k in range(K):
        turn = np.uint16(k * LEVELS // K)
        result_N = result_KN[k]
        for n in range(N):
            value = values_N[n] * scale
            result_N[n] = value if np.uint16(drawn_N[n] + turn) < kept else np.float32(0)


@compiled
def gather(given_KN, drawn_N, kept, gradient_N):
    """Write the gradient of the values, from that of the values under each mask."""
    K, N = given_KN.shape
    scale = np.float32(LEVELS) / np.float32(kept)
    for n in range(N):
        gradient_N[n] = 0
    for k in range(K):
        turn = np.uint16(k * LEVELS // K)
        given_N = given_KN[k]
        for n in range(N):
            value = given_N[n] * scale
            gradient_N[n] += value if np.uint16(drawn_N[n] + turn) < kept else np.float32(0)
