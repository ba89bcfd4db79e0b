"""Numba kernels of the automata that mask symbols.

They repeat ``SymbolAutomaton`` and ``SparseAutomaton`` for one sequence. ``options`` are the
``ProcessorOptions`` of decode_kernels.py.

Axes: V symbols, F states of the forbidden strings.
"""

import numpy as np

from charloom.jit.decorator import compiled
from charloom.text.vocabulary import EOS

_INFINITY = np.float32(np.inf)

# Without an entry point for Python, which takes time to compile and to load.
_inner_kernel = compiled(no_cpython_wrapper=True, no_cfunc_wrapper=True)


@_inner_kernel
def mask_symbols(logits_V, options, position, state):
    """Set the logits of impossible symbols to minus infinity."""
    missing, left = options.min_length - position, options.max_length - position - 1
    next_QV, distance_JQ = options.next_QV, options.distance_JQ
    if options.base_F.shape[0]:
        _mask_forbidden(logits_V, options, missing, left, state)
    elif next_QV.shape[0]:
        later, now = distance_JQ[max(missing - 1, 0)], distance_JQ[max(missing, 0)]
        for j in range(logits_V.shape[0]):
            target = next_QV[state, j]
            if j != EOS and (target < 0 or later[target] > left):
                logits_V[j] = -_INFINITY
        if now[state] != 0:
            logits_V[EOS] = -_INFINITY
    elif missing > 0:
        logits_V[EOS] = -_INFINITY


@_inner_kernel
def _mask_forbidden(logits_V, options, missing, left, state):
    """Mask symbols where there are forbidden strings."""
    next_QV, distance_JQ, F = options.next_QV, options.distance_JQ, options.base_F.shape[0]
    symbols_E, targets_E = options.symbols_E, options.targets_E
    match, forbidden = state // F, state % F
    target_V = options.default_DV[options.base_F[forbidden]].copy()
    for e in range(options.offsets_F1[forbidden], options.offsets_F1[forbidden + 1]):
        target_V[symbols_E[e]] = targets_E[e]
    required = max(missing - 1, 0)
    # Rows beyond the last one are the last one plus their number.
    row = min(required, distance_JQ.shape[0] - 1)
    later, most = distance_JQ[row], left - (required - row)
    for j in range(logits_V.shape[0]):
        after, target = next_QV[match, j], target_V[j]
        if j != EOS and (after < 0 or target < 0 or later[after * F + target] > most):
            logits_V[j] = -_INFINITY
    if missing > 0 or distance_JQ[0, state] != 0:
        logits_V[EOS] = -_INFINITY


@_inner_kernel
def next_state(options, state, index):
    """Return the state after a possible symbol; ``state`` itself without an automaton."""
    next_QV, F, symbols_E = options.next_QV, options.base_F.shape[0], options.symbols_E
    if F == 0:
        return np.int64(next_QV[state, index]) if next_QV.shape[0] else state
    match, forbidden = state // F, state % F
    target = options.default_DV[options.base_F[forbidden], index]
    low, high = options.offsets_F1[forbidden], options.offsets_F1[forbidden + 1]
    while low < high:
        middle = (low + high) // 2
        if symbols_E[middle] < index:
            low = middle + 1
        elif symbols_E[middle] > index:
            high = middle
        else:
            target = options.targets_E[middle]
            break
    return np.int64(next_QV[match, index]) * F + target
