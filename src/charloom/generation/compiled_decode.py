"""The engine compiled by Numba: streams grow many symbols in one call, without Python.

Each function is that of engine.py, steering.py, sampling.py or philox.py, operation for operation,
so that texts are the same bit for bit. Compiled code is kept on disk by Numba.

``steering`` is the tuple that ``growth._steering`` makes.

Axes: S streams of a block, K inputs, G gates times H, V symbols, L layers, T symbols a call, W last
symbols, Q states of the automaton, J symbols that must still come.
"""

import numba
import numpy as np

from charloom.network.exact import ONE
from charloom.network.kernels.exact_compiled import accumulate, exp, sigmoid, tanh

LSTM, GRU, RNN = 0, 1, 2
ZERO, INFINITY = np.float32(0), np.float32(np.inf)


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
def adjust(logits_V, adjusted_V, steering, position, state, recent_W, end):
    """Write the logits that ``Steering.adjust`` gives for one stream."""
    penalty, span, minimum, length, table_QV, need_JQ = steering[6:12]
    bias_V = steering[0]
    V = logits_V.shape[0]
    for j in range(V):
        adjusted_V[j] = logits_V[j]
    if recent_W.shape[0]:
        press(logits_V, adjusted_V, penalty, span, recent_W)
    for j in range(V):
        adjusted_V[j] += bias_V[j]
    if table_QV.shape[0]:
        later, now = need_JQ[max(minimum - position - 1, 0)], need_JQ[max(minimum - position, 0)]
        left = length - position - 1
        for j in range(V):
            if j != end and (table_QV[state, j] < 0 or later[table_QV[state, j]] > left):
                adjusted_V[j] = -INFINITY
        if now[state] != 0:
            adjusted_V[end] = -INFINITY
    elif position < minimum:
        adjusted_V[end] = -INFINITY


@numba.njit(cache=True, nogil=True, error_model="numpy")
def press(logits_V, adjusted_V, penalty, span, recent_W):
    """Press down the logits of symbols that would end a passage which stands in the last W."""
    W = recent_W.shape[0]
    for place in range(W - span + 1):
        same = True
        for k in range(span - 1):
            if recent_W[place + k] != recent_W[W - span + 1 + k]:
                same = False
                break
        symbol = recent_W[place + span - 1]
        if same and symbol >= 0:
            logit = logits_V[symbol]
            adjusted_V[symbol] = logit / penalty if logit > ZERO else logit * penalty


@numba.njit(cache=True, nogil=True, error_model="numpy")
def cut(logits_V, weights_V, top_k, top_p, min_p):
    """Set the weights to 0 that ``sampling._cut`` does."""
    order = np.argsort(-logits_V, kind="mergesort")
    kept = min(top_k, len(order))
    total = 0.0
    for k in range(kept):
        total += weights_V[order[k]]
    if top_p < 1:
        sofar = 0.0
        for k in range(kept):
            sofar += weights_V[order[k]]
            if sofar >= top_p * total:
                kept = k + 1
                break
    for k in range(kept):
        if weights_V[order[k]] < min_p:
            kept = k
            break
    for k in range(kept, len(order)):
        weights_V[order[k]] = ZERO


@numba.njit(cache=True, nogil=True, error_model="numpy")
def choose(logits_V, weights_V, steering, number):
    """Return the id that ``sampling.choose`` gives for one stream."""
    temperature, cuts, top_k, top_p, min_p = steering[1:6]
    V = logits_V.shape[0]
    best = logits_V[0]
    for j in range(V):
        best = max(best, logits_V[j])
    if temperature == ZERO:
        for j in range(V):
            if logits_V[j] == best:
                return j
    for j in range(V):
        weight = exp((logits_V[j] - best) / temperature)
        weights_V[j] = weight if logits_V[j] > -INFINITY else ZERO
    if cuts:
        cut(logits_V, weights_V, top_k, top_p, min_p)
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
def follow(index, table_QV, automaton_1, recent_W):
    """Do what ``Steering.follow`` does in one stream, in place."""
    if table_QV.shape[0]:
        automaton_1[0] = table_QV[automaton_1[0], index]
    W = recent_W.shape[0]
    for k in range(W - 1):
        recent_W[k] = recent_W[k + 1]
    if W:
        recent_W[W - 1] = index


@numba.njit(cache=True, nogil=True, error_model="numpy")
def grow(
    cell_kind,
    layers,
    output,
    steering,
    streams,
    logits_SV,
    last_S,
    begun,
    seeds_S,
    position,
    end,
    drawn,
):
    """Draw up to T symbols in each stream, all at the same ``position``; those that end leave.

    If the streams have ``begun``, their last symbols ``last_S`` are read first; otherwise
    ``logits_SV`` are those of the next symbol. Row r of what is written belongs to stream r; a
    stream that ended has ``end`` as its last id. Returns the rows of those that go on, in the order
    in which their states stand now, first.
    """
    output_HV, output_bias_V = output
    hidden_LSH, cell_LSH, automaton_S, recent_SW = streams
    ids_ST, nats_ST, lengths_S = drawn
    S, T = ids_ST.shape
    L, V, G = hidden_LSH.shape[0], output_bias_V.shape[0], layers[0].shape[1]
    gates_SG, sums_SG = np.empty((S, G), np.float32), np.empty((S, G), np.float32)
    adjusted_V, weights_V = np.empty(V, np.float32), np.empty(V, np.float32)
    table_QV = steering[10]
    row_S = np.arange(S)
    going = S
    for t in range(T):
        if begun or t:
            advance(cell_kind, layers, last_S, hidden_LSH, cell_LSH, gates_SG, sums_SG, going)
            for s in range(going):
                logits_SV[s] = output_bias_V
            accumulate(logits_SV, hidden_LSH[L - 1], output_HV, going)
        s, place = 0, position + t
        while s < going:
            row = row_S[s]
            number = uniform(seeds_S[row], np.uint64(place))
            adjust(logits_SV[s], adjusted_V, steering, place, automaton_S[s], recent_SW[s], end)
            index = choose(adjusted_V, weights_V, steering, number)
            nats_ST[row, t] = surprisal(logits_SV[s], weights_V, index)
            ids_ST[row, t] = index
            lengths_S[row] = t + 1
            last_S[s] = index
            if index != end:
                follow(index, table_QV, automaton_S[s : s + 1], recent_SW[s])
                s += 1
                continue
            # The last stream takes the place of the one that ended; it is looked at next.
            going -= 1
            row_S[s], automaton_S[s] = row_S[going], automaton_S[going]
            logits_SV[s], recent_SW[s] = logits_SV[going], recent_SW[going]
            hidden_LSH[:, s], cell_LSH[:, s] = hidden_LSH[:, going], cell_LSH[:, going]
        if going == 0:
            break
    return row_S[:going]
