"""The compiled sum of a mixture, that of network.mixture bit for bit.

Axes as in network/mixture.py.
"""

import math

import numpy as np

from charloom.jit.decorator import compiled
from charloom.network.exact import LOG_SERIES_TERMS
from charloom.network.kernels.exact_compiled import exp
from charloom.units import NATS_PER_BIT


@compiled()
def add_probabilities(total_BV, logits_BU, weight, ids_V, lacks_V):
    """Add the weighted probabilities of one network; see ``component_probabilities``."""
    B, U = logits_BU.shape
    powers_U = np.empty(U)
    for b in range(B):
        best = logits_BU[b, 0]
        for j in range(U):
            best = max(best, logits_BU[b, j])
        total = 0.0
        for j in range(U):
            powers_U[j] = exp(logits_BU[b, j] - best)
            total += powers_U[j]
        scale = weight / total
        for v in range(len(ids_V)):
            if not lacks_V[v]:
                total_BV[b, v] += powers_U[ids_V[v]] * scale


@compiled()
def log_probabilities(total_BV, logits_BV):
    """Write the logarithm of each probability, as ``exact.log`` computes it."""
    B, V = total_BV.shape
    for b in range(B):
        for v in range(V):
            m, e = math.frexp(1 / total_BV[b, v])
            if m * m < 0.5:
                m, e = 2 * m, e - 1
            f = (m - 1) / (m + 1)
            series = 0.0
            for n in range(LOG_SERIES_TERMS):
                series = series * (f * f) + 1 / (2 * (LOG_SERIES_TERMS - 1 - n) + 1)
            logits_BV[b, v] = -(e * NATS_PER_BIT + 2 * f * series)
