"""The engine compiled by Numba: streams grow many symbols in one call, without Python.

Each function is that of engine.py, sampling.py or philox.py, operation for operation, so that texts
are the same bit for bit. Compiled code is kept on disk by Numba.

Axes: S streams of a block, K inputs, G gates times H, V symbols, L layers, T symbols a call.
"""

import numba
import numpy as np

from charloom.generation.arithmetic import ONE
from charloom.generation.compiled_arithmetic import accumulate, exp, sigmoid, tanh

LSTM, GRU, RNN = 0, 1, 2
ZERO = np.float32(0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def advance(cell_kind, layers, ids_S, hidden_LSH, cell_LSH, gates_SG, sums_SG, streams):
    """Read one symbol in each of the first ``streams`` streams, in place.

    ``layers`` are the weights of the recurrent layers, in the order of ``engine.Weights``.
    """
    table_VG, input_LHG, bias_LG, recurrent_LHG, recurrent_bias_LH = layers
    L, H = hidden_LSH.shape[0], hidden_LSH.shape[2]
    G = table_VG.shape[1]
    for s in range(streams):
        for j in range(G):
            gates_SG[s, j] = table_VG[ids_S[s], j]
    for k in range(L):
        if k:
            for s in range(streams):
                for j in range(G):
                    gates_SG[s, j] = bias_LG[k - 1, j]
            accumulate(gates_SG, hidden_LSH[k - 1], input_LHG[k - 1], streams)
        if cell_kind == GRU:
            for s in range(streams):
                for j in range(2 * H):
                    sums_SG[s, j] = gates_SG[s, j]
                for j in range(H):
                    sums_SG[s, 2 * H + j] = recurrent_bias_LH[k, j]
            accumulate(sums_SG, hidden_LSH[k], recurrent_LHG[k], streams)
        else:
            accumulate(gates_SG, hidden_LSH[k], recurrent_LHG[k], streams)
        for s in range(streams):
            _activate(cell_kind, gates_SG[s], sums_SG[s], hidden_LSH[k, s], cell_LSH[k, s])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _activate(cell_kind, gates_G, sums_G, hidden_H, cell_H):
    """Make the new state of one stream from its gates; gru has recurrent sums of its own."""
    H = len(hidden_H)
    if cell_kind == LSTM:
        for j in range(H):
            kept, added = sigmoid(gates_G[H + j]) * cell_H[j], sigmoid(gates_G[j])
            new = kept + added * tanh(gates_G[2 * H + j])
            cell_H[j] = new
            hidden_H[j] = sigmoid(gates_G[3 * H + j]) * tanh(new)
    elif cell_kind == GRU:
        for j in range(H):
            update = sigmoid(sums_G[H + j])
            new = tanh(gates_G[2 * H + j] + sigmoid(sums_G[j]) * sums_G[2 * H + j])
            hidden_H[j] = (ONE - update) * new + update * hidden_H[j]
    else:
        for j in range(H):
            hidden_H[j] = tanh(gates_G[j])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def read(cell_kind, layers, ids_T, hidden_LSH, cell_LSH):
    """Read symbols, one after another, in one stream."""
    G = layers[0].shape[1]
    gates_SG, sums_SG = np.empty((1, G), np.float32), np.empty((1, G), np.float32)
    for t in range(len(ids_T)):
        one = ids_T[t : t + 1]
        advance(cell_kind, layers, one, hidden_LSH, cell_LSH, gates_SG, sums_SG, 1)


@numba.njit(inline="always")
def uniform(seed, position):
    """Return the number in [0, 1) of a seed and a position, as philox.py does."""
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    c0, c1, c2, c3 = position & low, position >> half, np.uint64(0), np.uint64(0)
    k0, k1 = seed & low, seed >> half
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (q >> half) ^ c1 ^ k0, q & low, (p >> half) ^ c3 ^ k1, p & low
        k0 = (k0 + np.uint64(0x9E3779B9)) & low
        k1 = (k1 + np.uint64(0xBB67AE85)) & low
    return np.float64((c0 >> np.uint64(5)) * np.uint64(67108864) + (c1 >> np.uint64(6))) * 2.0**-53


@numba.njit(cache=True, nogil=True, error_model="numpy")
def choose(logits_V, weights_V, forbidden, temperature, number):
    """Return the id that ``sampling.choose`` gives for one stream."""
    V = logits_V.shape[0]
    best = logits_V[0] if forbidden != 0 else logits_V[1]
    for j in range(V):
        if j != forbidden:
            best = max(best, logits_V[j])
    if temperature == ZERO:
        for j in range(V):
            if j != forbidden and logits_V[j] == best:
                return j
    for j in range(V):
        weights_V[j] = exp((logits_V[j] - best) / temperature)
    weights_V[forbidden] = ZERO
    total = 0.0
    for j in range(V):
        total += weights_V[j]
    target, sofar = number * total, 0.0
    for j in range(V):
        sofar += weights_V[j]
        if sofar > target:
            return j
    return V - 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def surprisal(logits_V, weights_V, index):
    """Return -log(softmax(logits)) of one id, in nats."""
    V = logits_V.shape[0]
    best = logits_V[0]
    for j in range(V):
        best = max(best, logits_V[j])
    for j in range(V):
        weights_V[j] = exp(logits_V[j] - best)
    total = 0.0
    for j in range(V):
        total += weights_V[j]
    return np.log(total) - (logits_V[index] - best)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def grow(
    cell_kind,
    layers,
    output_HV,
    output_bias_V,
    hidden_LSH,
    cell_LSH,
    logits_SV,
    last_S,
    begun,
    seeds_S,
    position,
    temperature,
    end,
    forbidden,
    ids_ST,
    nats_ST,
    lengths_S,
):
    """Draw up to T symbols in each stream, all at the same ``position``; those that end leave.

    If the streams have ``begun``, their last symbols ``last_S`` are read first; otherwise
    ``logits_SV`` are those of the next symbol. Row r of what is written belongs to stream r; a
    stream that ended has ``end`` as its last id. Returns the rows of those that go on, in the order
    in which their states stand now, first.
    """
    S, T = ids_ST.shape
    L, V, G = hidden_LSH.shape[0], output_bias_V.shape[0], layers[0].shape[1]
    gates_SG, sums_SG = np.empty((S, G), np.float32), np.empty((S, G), np.float32)
    weights_V = np.empty(V, np.float32)
    row_S = np.arange(S)
    going = S
    for t in range(T):
        if begun or t:
            advance(cell_kind, layers, last_S, hidden_LSH, cell_LSH, gates_SG, sums_SG, going)
            for s in range(going):
                logits_SV[s] = output_bias_V
            accumulate(logits_SV, hidden_LSH[L - 1], output_HV, going)
        s = 0
        while s < going:
            row = row_S[s]
            number = uniform(seeds_S[row], position + np.uint64(t))
            index = choose(logits_SV[s], weights_V, forbidden, temperature, number)
            nats_ST[row, t] = surprisal(logits_SV[s], weights_V, index)
            ids_ST[row, t] = index
            lengths_S[row] = t + 1
            last_S[s] = index
            if index != end:
                s += 1
                continue
            # The last stream takes the place of the one that ended; it is looked at next.
            going -= 1
            row_S[s] = row_S[going]
            logits_SV[s] = logits_SV[going]
            hidden_LSH[:, s] = hidden_LSH[:, going]
            cell_LSH[:, s] = cell_LSH[:, going]
        if going == 0:
            break
    return row_S[:going]
