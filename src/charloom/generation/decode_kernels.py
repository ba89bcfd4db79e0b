"""Numba kernels that decode many symbols in one call.

Each kernel repeats a function of network/engine.py, logits_processor.py, sampling.py or
randomness.py operation by operation, so that texts are the same bit for bit.

Axes: B sequences, G gates times H, H hidden units, V symbols, L layers, T symbols a call, W recent
symbols, Q states of the automaton, J symbols still required by the minimum length, F states of the
forbidden strings, D default rows, E exceptions.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from charloom.generation.automaton_kernels import mask_symbols, next_state
from charloom.jit.decorator import compiled
from charloom.network.exact import ONE, Floats
from charloom.network.kernels.exact_compiled import accumulate, exp, sigmoid, tanh
from charloom.network.kernels.packed_bf16 import Matrix
from charloom.text.vocabulary import EOS

LSTM, GRU, RNN = 0, 1, 2
_ZERO, _INFINITY = np.float32(0), np.float32(np.inf)

_kernel = compiled()
# Without an entry point for Python, which takes time to compile and to load.
_inner_kernel = compiled(no_cpython_wrapper=True, no_cfunc_wrapper=True)


class Layers(NamedTuple):
    """The recurrent layers; the arrays are those of ``EngineWeights``."""

    cell_kind: int
    """LSTM, GRU or RNN."""
    table_VG: Floats
    input_LHG: Matrix
    bias_LG: Floats
    recurrent_LHG: Matrix
    recurrent_bias_LH: Floats


class Output(NamedTuple):
    """The output layer; the arrays are those of ``EngineWeights``."""

    weight_HV: Matrix
    bias_V: Floats


class SamplingOptions(NamedTuple):
    """The fields of ``Truncation``."""

    temperature: np.float32
    """0 is greedy."""
    truncates: bool
    top_k: int
    """At most V."""
    top_p: float
    min_p: float


class ProcessorOptions(NamedTuple):
    """The fields of ``LogitsProcessor``."""

    bias_V: Floats
    repetition_penalty: np.float32
    repetition_span: int
    min_length: int
    max_length: int
    next_QV: NDArray[np.int32]
    """Q is 0 without an automaton."""
    distance_JQ: NDArray[np.int32]
    default_DV: NDArray[np.int32]
    """This and the next four are those of ``SparseAutomaton``."""
    base_F: NDArray[np.int32]
    """F is 0 without forbidden strings."""
    offsets_F1: NDArray[np.int64]
    symbols_E: NDArray[np.int32]
    targets_E: NDArray[np.int32]


class Sequences(NamedTuple):
    """The state of each sequence, which the kernels change in place."""

    hidden_LBH: Floats
    cell_LBH: Floats
    """Only used by an LSTM, but has the same shape for every cell."""
    automaton_B: NDArray[np.int64]
    recent_BW: NDArray[np.int64]
    """W is 0 without a repetition penalty."""
    logits_BV: Floats
    last_ids_B: NDArray[np.int64]
    seeds_B: NDArray[np.uint64]


class Block(NamedTuple):
    """The results; row r belongs to sequence r of the call, even after it has ended."""

    ids_BT: NDArray[np.int32]
    nats_BT: NDArray[np.float64]
    lengths_B: NDArray[np.int64]


@_kernel
def advance(layers, ids_B, hidden_LBH, cell_LBH, gates_BG, sums_BG, sequences):
    """Read one symbol in each of the first ``sequences`` sequences, in place.

    ``gates_BG`` and ``sums_BG`` are work space.
    """
    L, H = hidden_LBH.shape[0], hidden_LBH.shape[2]
    # Fields are bound once: reading an array from the tuple changes its reference count.
    table_VG, input_LHG, bias_LG = layers.table_VG, layers.input_LHG, layers.bias_LG
    recurrent_LHG, recurrent_bias_LH = layers.recurrent_LHG, layers.recurrent_bias_LH
    cell_kind, G = layers.cell_kind, table_VG.shape[1]
    for b in range(sequences):
        for j in range(G):
            gates_BG[b, j] = table_VG[ids_B[b], j]
    for k in range(L):
        if k:
            for b in range(sequences):
                for j in range(G):
                    gates_BG[b, j] = bias_LG[k - 1, j]
            accumulate(gates_BG, hidden_LBH[k - 1], input_LHG[k - 1], sequences)
        if cell_kind == GRU:
            for b in range(sequences):
                for j in range(2 * H):
                    sums_BG[b, j] = gates_BG[b, j]
                for j in range(H):
                    sums_BG[b, 2 * H + j] = recurrent_bias_LH[k, j]
            accumulate(sums_BG, hidden_LBH[k], recurrent_LHG[k], sequences)
        else:
            accumulate(gates_BG, hidden_LBH[k], recurrent_LHG[k], sequences)
        for b in range(sequences):
            _activate(cell_kind, gates_BG[b], sums_BG[b], hidden_LBH[k, b], cell_LBH[k, b])


@_inner_kernel
def _activate(cell_kind, gates_G, sums_G, hidden_H, cell_H):
    """Write the new state of one sequence; ``sums_G`` are a GRU's recurrent sums."""
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


@_kernel
def prefill(layers, ids_T, hidden_LBH, cell_LBH):
    """Read symbols one after another in one sequence, in place."""
    G = layers.table_VG.shape[1]
    gates_BG, sums_BG = np.empty((1, G), np.float32), np.empty((1, G), np.float32)
    for t in range(len(ids_T)):
        advance(layers, ids_T[t : t + 1], hidden_LBH, cell_LBH, gates_BG, sums_BG, 1)


@numba.njit(inline="always")
def uniform(seed, position):
    """Return the number in [0, 1) of a seed and a position; see randomness.py."""
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    c0, c1, c2, c3 = position & low, position >> half, np.uint64(0), np.uint64(0)
    k0, k1 = seed & low, seed >> half
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (q >> half) ^ c1 ^ k0, q & low, (p >> half) ^ c3 ^ k1, p & low
        k0 = (k0 + np.uint64(0x9E3779B9)) & low
        k1 = (k1 + np.uint64(0xBB67AE85)) & low
    return np.float64((c0 >> np.uint64(5)) * np.uint64(67108864) + (c1 >> np.uint64(6))) * 2.0**-53


@_kernel
def process(logits_V, processed_V, options, position, state, recent_W):
    """Write the logits that ``LogitsProcessor.process`` returns for one sequence."""
    bias_V, V = options.bias_V, logits_V.shape[0]
    for j in range(V):
        processed_V[j] = logits_V[j]
    if recent_W.shape[0]:
        _penalize(
            logits_V, processed_V, options.repetition_penalty, options.repetition_span, recent_W
        )
    for j in range(V):
        processed_V[j] += bias_V[j]
    mask_symbols(processed_V, options, position, state)


@_inner_kernel
def _penalize(logits_V, processed_V, penalty, span, recent_W):
    """Penalize the symbols that would repeat a passage of the recent symbols."""
    W = recent_W.shape[0]
    for first in range(W - span + 1):
        same = True
        for k in range(span - 1):
            if recent_W[first + k] != recent_W[W - span + 1 + k]:
                same = False
                break
        symbol = recent_W[first + span - 1]
        if same and symbol >= 0:
            logit = logits_V[symbol]
            processed_V[symbol] = logit / penalty if logit > _ZERO else logit * penalty


@_inner_kernel
def _truncate(logits_V, weights_V, options):
    """Set to 0 the weights that ``sampling._truncate`` sets to 0."""
    order = np.argsort(-logits_V, kind="mergesort")
    kept = min(options.top_k, len(order))
    total = 0.0
    for k in range(kept):
        total += weights_V[order[k]]
    if options.top_p < 1:
        cumulative = 0.0
        for k in range(kept):
            cumulative += weights_V[order[k]]
            if cumulative >= options.top_p * total:
                kept = k + 1
                break
    for k in range(kept):
        if weights_V[order[k]] < options.min_p:
            kept = k
            break
    for k in range(kept, len(order)):
        weights_V[order[k]] = _ZERO


@_kernel
def sample(logits_V, weights_V, options, number):
    """Return the id that ``sampling.sample`` returns; ``weights_V`` is work space."""
    V = logits_V.shape[0]
    best = logits_V[0]
    for j in range(V):
        best = max(best, logits_V[j])
    if options.temperature == _ZERO:
        for j in range(V):
            if logits_V[j] == best:
                return j
    for j in range(V):
        weight = exp((logits_V[j] - best) / options.temperature)
        weights_V[j] = weight if logits_V[j] > -_INFINITY else _ZERO
    if options.truncates:
        _truncate(logits_V, weights_V, options)
    total = 0.0
    for j in range(V):
        total += weights_V[j]
    target, cumulative = number * total, 0.0
    for j in range(V):
        cumulative += weights_V[j]
        if cumulative > target:
            return j
    return V - 1


@_inner_kernel
def _surprisal(logits_V, weights_V, index):
    """Return -log(softmax(logits)) of one id, in nats; ``weights_V`` is work space."""
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


@_inner_kernel
def _append(index, options, automaton_1, recent_W):
    """Advance the processor state of one sequence past a chosen symbol, in place."""
    automaton_1[0] = next_state(options, automaton_1[0], index)
    W = recent_W.shape[0]
    for k in range(W - 1):
        recent_W[k] = recent_W[k + 1]
    if W:
        recent_W[W - 1] = index


@_kernel
def decode(layers, output, options, sampling, sequences, block, position, has_unread):
    """Decode up to T symbols in each sequence, all from the same ``position``.

    With ``has_unread``, ``last_ids_B`` are read first; otherwise ``logits_BV`` are those of the
    next symbol. A sequence that samples the boundary ends, with the boundary as its last id. Return
    the rows of ``block`` of the sequences that have not ended; row k of the result belongs to row k
    of ``sequences``.

    The first six arguments are the named tuples of this module as plain tuples: Numba finds the
    type of a plain tuple three times faster, which counts in calls of one symbol.
    """
    layers, output = Layers(*layers), Output(*output)
    options, sampling = ProcessorOptions(*options), SamplingOptions(*sampling)
    sequences, block = Sequences(*sequences), Block(*block)
    hidden_LBH, cell_LBH, logits_BV = sequences.hidden_LBH, sequences.cell_LBH, sequences.logits_BV
    automaton_B, recent_BW = sequences.automaton_B, sequences.recent_BW
    last_ids_B, seeds_B = sequences.last_ids_B, sequences.seeds_B
    ids_BT, nats_BT, lengths_B = block.ids_BT, block.nats_BT, block.lengths_B
    weight_HV, bias_V = output.weight_HV, output.bias_V
    B, T = ids_BT.shape
    L, V, G = hidden_LBH.shape[0], logits_BV.shape[1], layers.table_VG.shape[1]
    gates_BG, sums_BG = np.empty((B, G), np.float32), np.empty((B, G), np.float32)
    processed_V, weights_V = np.empty(V, np.float32), np.empty(V, np.float32)
    rows_B = np.arange(B)
    active = B
    for t in range(T):
        if has_unread or t:
            advance(layers, last_ids_B, hidden_LBH, cell_LBH, gates_BG, sums_BG, active)
            for b in range(active):
                logits_BV[b] = bias_V
            accumulate(logits_BV, hidden_LBH[L - 1], weight_HV, active)
        b, now = 0, position + t
        while b < active:
            row, logits_V, recent_W = rows_B[b], logits_BV[b], recent_BW[b]
            number = uniform(seeds_B[row], np.uint64(now))
            process(logits_V, processed_V, options, now, automaton_B[b], recent_W)
            index = sample(processed_V, weights_V, sampling, number)
            nats_BT[row, t] = _surprisal(logits_V, weights_V, index)
            ids_BT[row, t] = index
            lengths_B[row] = t + 1
            last_ids_B[b] = index
            if index != EOS:
                _append(index, options, automaton_B[b : b + 1], recent_W)
                b += 1
                continue
            # The last sequence replaces the one that ended, and is decoded next.
            active -= 1
            rows_B[b], automaton_B[b] = rows_B[active], automaton_B[active]
            logits_BV[b], recent_BW[b] = logits_BV[active], recent_BW[active]
            hidden_LBH[:, b], cell_LBH[:, b] = hidden_LBH[:, active], cell_LBH[:, active]
        if active == 0:
            break
    return rows_B[:active]
