"""``exact`` for Numba, operation for operation, so that all bits are the same.

Only the order of loops over independent sums differs, never the order within a sum. Fast math
stays off, because it would reorder sums.

Numba caches compiled code on disk, by the text of the file that has the compiled function. After a
change here, in ``exact`` or in another file that is inlined into kernels, delete the folders
``__pycache__`` of the kernels that call it. A new installation compiles all of them.

Axes: B sequences, K inputs, G outputs.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types

from charloom.jit.decorator import compiled
from charloom.jit.intrinsic import intrinsic
from charloom.network.exact import (
    EXPONENT_BIAS,
    INVERSE_LN2,
    LN2_HIGH,
    LN2_LOW,
    MANTISSA_BITS,
    MAX_EXPONENT,
    MIN_EXPONENT,
    ONE,
    Q0,
    Q1,
    Q2,
    Q3,
    Q4,
    ROUND_TO_INTEGER,
    TWO,
)
from charloom.network.kernels import packed_bf16


def _define_as_float(context: Any, bits: Any) -> Any:
    """Reinterpret the 32 bits of an integer as a float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


_as_float = intrinsic(_define_as_float, lambda bits: bits.view(np.float32))


@numba.njit(inline="always")
def exp(x):
    """Return e**x for x clipped to [-87, 88]."""
    x = min(max(x, MIN_EXPONENT), MAX_EXPONENT)
    n = (x * INVERSE_LN2 + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    r = x - n * LN2_HIGH
    r = r - n * LN2_LOW
    q = (((Q4 * r + Q3) * r + Q2) * r + Q1) * r + Q0
    return (q * r * r + r + ONE) * _as_float(
        np.int32((np.int32(n) + EXPONENT_BIAS) << MANTISSA_BITS)
    )


@numba.njit(inline="always")
def sigmoid(x):
    """Return 1 / (1 + e**-x)."""
    return ONE / (ONE + exp(-x))


@numba.njit(inline="always")
def tanh(x):
    """Return 1 - 2 / (e**2x + 1)."""
    return ONE - TWO / (exp(x + x) + ONE)


@compiled()
def accumulate(sums_BG, inputs_BK, weights_KG, sequences):
    """Add ``inputs @ weights`` to the first ``sequences`` rows, in order of K.

    The weights may also be packed by ``packed_bf16``, (P, K, V, J).
    """
    # Numba compiles only one of the branches, since it knows the number of axes.
    if weights_KG.ndim == 4:
        packed_bf16.accumulate(sums_BG, inputs_BK, weights_KG, sequences)
        return
    b = 0
    while b + 4 <= sequences:
        _accumulate_four(sums_BG[b : b + 4], inputs_BK[b : b + 4], weights_KG)
        b += 4
    while b < sequences:
        _accumulate_one(sums_BG[b], inputs_BK[b], weights_KG)
        b += 1


@compiled()
def _accumulate_four(sums_4G, inputs_4K, weights_KG):
    """Add the products of four sequences, which share each loaded row of the weights."""
    K, G = weights_KG.shape
    a, b, c, d = sums_4G[0], sums_4G[1], sums_4G[2], sums_4G[3]
    p, q, r, s = inputs_4K[0], inputs_4K[1], inputs_4K[2], inputs_4K[3]
    k = 0
    while k + 4 <= K:
        w0, w1, w2, w3 = weights_KG[k], weights_KG[k + 1], weights_KG[k + 2], weights_KG[k + 3]
        p0, p1, p2, p3 = p[k], p[k + 1], p[k + 2], p[k + 3]
        q0, q1, q2, q3 = q[k], q[k + 1], q[k + 2], q[k + 3]
        r0, r1, r2, r3 = r[k], r[k + 1], r[k + 2], r[k + 3]
        s0, s1, s2, s3 = s[k], s[k + 1], s[k + 2], s[k + 3]
        for j in range(G):
            x0, x1, x2, x3 = w0[j], w1[j], w2[j], w3[j]
            a[j] = (((a[j] + p0 * x0) + p1 * x1) + p2 * x2) + p3 * x3
            b[j] = (((b[j] + q0 * x0) + q1 * x1) + q2 * x2) + q3 * x3
            c[j] = (((c[j] + r0 * x0) + r1 * x1) + r2 * x2) + r3 * x3
            d[j] = (((d[j] + s0 * x0) + s1 * x1) + s2 * x2) + s3 * x3
        k += 4
    while k < K:
        for row in range(4):
            for j in range(G):
                sums_4G[row, j] += inputs_4K[row, k] * weights_KG[k, j]
        k += 1


@compiled()
def _accumulate_one(sums_G, inputs_K, weights_KG):
    """Add the products of one sequence, eight rows of the weights at a time."""
    K, G = weights_KG.shape
    k = 0
    while k + 8 <= K:
        x0, x1, x2, x3 = inputs_K[k], inputs_K[k + 1], inputs_K[k + 2], inputs_K[k + 3]
        x4, x5, x6, x7 = inputs_K[k + 4], inputs_K[k + 5], inputs_K[k + 6], inputs_K[k + 7]
        for j in range(G):
            a = sums_G[j]
            a = a + x0 * weights_KG[k, j]
            a = a + x1 * weights_KG[k + 1, j]
            a = a + x2 * weights_KG[k + 2, j]
            a = a + x3 * weights_KG[k + 3, j]
            a = a + x4 * weights_KG[k + 4, j]
            a = a + x5 * weights_KG[k + 5, j]
            a = a + x6 * weights_KG[k + 6, j]
            a = a + x7 * weights_KG[k + 7, j]
            sums_G[j] = a
        k += 8
    while k < K:
        for j in range(G):
            sums_G[j] += inputs_K[k] * weights_KG[k, j]
        k += 1
