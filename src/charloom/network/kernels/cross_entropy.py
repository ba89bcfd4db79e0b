"""Cross-entropy and its gradient over unpadded rows, on one thread.

Axes: V vocabulary, N unpadded rows, K dropout masks, M = K N.
"""

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from charloom.network.kernels.exact_compiled import exp
from charloom.network.kernels.forward import kernel

_LANES: Final = 16


def cross_entropy(logits_MV: NDArray[np.float32], targets_N: NDArray[np.int64]) -> float:
    """Return the loss in nats, averaged over K masks; logits become gradients.

    Row m of the logits has the target ``targets_N[m % N]``.
    """
    return float(_cross_entropy(logits_MV, targets_N, np.empty(_LANES, np.float32)))


@kernel
def _cross_entropy(logits_MV, targets_N, lanes):
    M, V = logits_MV.shape
    N = len(targets_N)
    weight = np.float32(N) / np.float32(max(M, 1))
    nats = np.float64(0)
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
        scale = weight / total
        for v in range(V):
            row_V[v] *= scale
        row_V[target] -= weight
    return nats * weight


@numba.njit(inline="always")
def _sum(values_V, lanes):
    """Return the sum of a row by ``_LANES`` partial sums, for vectorization."""
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
