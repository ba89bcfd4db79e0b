"""Recurrent layers backward, dropout and the loss; compiled by Numba for one thread, float32.

Forward passes are those of arithmetic/layers.py. The backward pass replaces what they left in the
slots by gradients: of what the input added to the gates in the first slots (gru: n, r, z), of the
recurrent product in as many slots (gru: r, z, m).

Axes: T steps, B streams, H hidden units, S slots times H, G gates times H, V symbols, K masks, R
rows of values, N of these that count, M = K N.
"""

import math
from typing import Final

import numba
import numpy as np

from charloom.network.exact import ONE
from charloom.network.kernels.exact_compiled import exp
from charloom.network.kernels.forward import GRU, LSTM, add_product, kernel

DROPOUT_LEVELS: Final = 1 << 16
"""How many different draws decide about dropout: 16 bits each."""
_LANES: Final = 16


@kernel
def scatter_add_gates(table_VG, ids_TB, slots_TBS, cell):
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


@kernel
def scatter_add_rows(table_VE, ids_TB, rows_TBE):
    """Add rows to those of a table that symbols have."""
    T, B = ids_TB.shape
    for t in range(T):
        for b in range(B):
            row_E, own_E = table_VE[ids_TB[t, b]], rows_TBE[t, b]
            for e in range(len(row_E)):
                row_E[e] += own_E[e]


@kernel
def backward_layer(
    cell,
    slots_TBS,
    hidden_TBH,
    memory_TBH,
    given_TBH,
    state_BH,
    memory_BH,
    packed,
    rounded_TBJ=None,
):
    """Go back over the steps of ``forward``.

    ``given_TBH`` is the gradient of the hidden states as an output, for the T steps;
    ``state_BH`` and ``memory_BH`` are those of the last state, and become those of the first.
    ``packed`` is the recurrent weight, (G, H), packed; of bfloat16 with ``rounded_TBJ``, where the
    gradients of the recurrent product are left, rounded.
    """
    T, B, S = slots_TBS.shape
    H = hidden_TBH.shape[2]
    slots, state = slots_TBS.reshape(T * B * S), state_BH.reshape(B * H)
    first = H if cell == GRU else 0
    G = 3 * H if cell == GRU else 4 * H if cell == LSTM else H
    for t in range(T - 1, -1, -1):
        for b in range(B):
            now_S, state_H = slots_TBS[t, b], state_BH[b]
            if cell == LSTM:
                _lstm_backward(now_S, memory_TBH[t, b], given_TBH[t, b], state_H, memory_BH[b])
            elif cell == GRU:
                _gru_backward(now_S, hidden_TBH[t, b], given_TBH[t, b], state_H)
            else:
                after_H, given_H = hidden_TBH[t + 1, b], given_TBH[t, b]
                for j in range(H):
                    now_S[j] = (state_H[j] + given_H[j]) * (ONE - after_H[j] * after_H[j])
                    state_H[j] = 0
        of = t * B * S + first
        add_product(state, 0, H, slots, of, S, G, B, packed, rounded_TBJ, t)


@kernel
def _lstm_backward(slots_S, before_H, given_H, state_H, memory_H):
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


@kernel
def _gru_backward(slots_S, before_H, given_H, state_H):
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


@kernel
def sum_rows(values_MN):
    """Return the sum of all rows."""
    M, N = values_MN.shape
    sums_N = np.zeros(N, np.float32)
    for m in range(M):
        for n in range(N):
            sums_N[n] += values_MN[m, n]
    return sums_N


@numba.njit(inline="always")
def _random_bits(keys, place):
    """Return 16 bits that follow from a place: a hash of it with two keys.

    Multiplications and shifts alone, of 32 bits, so that a compiler finds vectors. The constants
    are those of Wellons, "Prospecting for Hash Functions", 2018 (lowbias32).
    """
    x = np.uint32(np.uint32(place) ^ keys[0])
    x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32((x ^ (x >> np.uint32(15)) ^ keys[1]) * np.uint32(0x846CA68B))
    return np.uint16(x >> np.uint32(16))


@kernel
def dropout_forward(values_RH, rows_N, keys, kept, result_KNH):
    """Write some rows under each mask: what is kept of ``LEVELS`` draws, divided by that share.

    Where all are kept, nothing is drawn.
    """
    K, N, H = result_KNH.shape
    scale = np.float32(DROPOUT_LEVELS) / np.float32(kept)
    for n in range(N):
        values_H, place = values_RH[rows_N[n]], n * H
        if kept == DROPOUT_LEVELS:
            for k in range(K):
                result_KNH[k, n] = values_H
            continue
        for k in range(K):
            turn, result_H = np.uint16(k * DROPOUT_LEVELS // K), result_KNH[k, n]
            for h in range(H):
                value, drawn = values_H[h] * scale, _random_bits(keys, place + h)
                result_H[h] = value if np.uint16(drawn + turn) < kept else np.float32(0)


@kernel
def dropout_backward(given_KNH, rows_N, keys, kept, gradient_RH):
    """Add to the gradient of the values, from that of the rows under each mask."""
    K, N, H = given_KNH.shape
    scale = np.float32(DROPOUT_LEVELS) / np.float32(kept)
    for n in range(N):
        gradient_H, place = gradient_RH[rows_N[n]], n * H
        for k in range(K):
            given_H = given_KNH[k, n]
            if kept == DROPOUT_LEVELS:
                for h in range(H):
                    gradient_H[h] += given_H[h]
                continue
            turn = np.uint16(k * DROPOUT_LEVELS // K)
            for h in range(H):
                value, drawn = given_H[h] * scale, _random_bits(keys, place + h)
                gradient_H[h] += value if np.uint16(drawn + turn) < kept else np.float32(0)


@kernel
def unpadded_positions(mask_TB, targets_TB, rows):
    """Return the rows, of ``rows`` for each step, where a mask is true, and their targets."""
    T, B = mask_TB.shape
    rows_N, targets_N = np.empty(T * B, np.int64), np.empty(T * B, np.int64)
    N = 0
    for t in range(T):
        for b in range(B):
            if mask_TB[t, b]:
                rows_N[N], targets_N[N] = t * rows + b, targets_TB[t, b]
                N += 1
    return rows_N[:N], targets_N[:N]


@kernel
def cross_entropy(logits_MV, targets_N):
    """Return the nats of the targets, the mean under K masks; put their gradient into the logits.

    The targets are those under each mask.
    """
    M, V = logits_MV.shape
    N = len(targets_N)
    share = np.float32(N) / np.float32(max(M, 1))
    lanes = np.empty(_LANES, np.float32)
    nats = 0.0
    for m in range(M):
        row_V, target = logits_MV[m], targets_N[m % N]
        highest = row_V[0]
        for v in range(1, V):
            highest = max(highest, row_V[v])
        nats += highest - row_V[target]
        for v in range(V):
            row_V[v] = exp(row_V[v] - highest)
        total = _sum(row_V, lanes)
        nats += math.log(total)
        scale = share / total
        for v in range(V):
            row_V[v] *= scale
        row_V[target] -= share
    return nats * share


@numba.njit(inline="always")
def _sum(values_V, lanes):
    """Return a sum that is made in several lanes: a compiler keeps the order of a single one."""
    V = len(values_V)
    whole = V - V % _LANES
    lanes[:] = 0
    for v in range(0, whole, _LANES):
        for j in range(_LANES):
            lanes[j] += values_V[v + j]
    total = np.float32(0)
    for j in range(_LANES):
        total += lanes[j]
    for v in range(whole, V):
        total += values_V[v]
    return total
