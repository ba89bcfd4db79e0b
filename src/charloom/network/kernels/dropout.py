"""Dropout by a hash of each value's position, on one thread.

Axes: R rows of values, H values of a row, N rows that are read, K masks.
"""

import numba
import numpy as np

from charloom.network.dropout import LEVELS
from charloom.network.kernels.forward import kernel


@numba.njit(inline="always")
def _random_bits(keys, position):
    """Return 16 random bits: a hash of the position with two 32-bit keys.

    It uses only 32-bit multiplications and shifts, which compilers vectorize. The constants are
    those of lowbias32 (Wellons, "Prospecting for Hash Functions", 2018).
    """
    x = np.uint32(np.uint32(position) ^ keys[0])
    x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32((x ^ (x >> np.uint32(15)) ^ keys[1]) * np.uint32(0x846CA68B))
    return np.uint16(x >> np.uint32(16))


@kernel
def dropout_forward(values_RH, rows_N, numbers_N, keys, kept, result_KNH):
    """Write the rows ``rows_N`` under K masks to ``result_KNH``.

    ``numbers_N`` (int64) identify the rows in the whole minibatch: the random bits of value h are a
    hash of number * H + h modulo 2**32. A mask is therefore the same however the minibatch is
    divided into shards. A value is kept with probability ``kept`` / LEVELS and divided by
    it, else it is 0. The masks are stratified, see ``network.dropout``. If all are kept, no random
    bits are computed.
    """
    K, N, H = result_KNH.shape
    scale = np.float32(LEVELS) / np.float32(kept)
    for n in range(N):
        values_H, position = values_RH[rows_N[n]], numbers_N[n] * H
        if kept == LEVELS:
            for k in range(K):
                # Numba takes seconds to compile the assignment of a whole row.
                for h in range(H):
                    result_KNH[k, n, h] = values_H[h]
            continue
        for k in range(K):
            shift, result_H = np.uint16(k * LEVELS // K), result_KNH[k, n]
            for h in range(H):
                value, bits = values_H[h] * scale, _random_bits(keys, position + h)
                result_H[h] = value if np.uint16(bits + shift) < kept else np.float32(0)


@kernel
def dropout_backward(grad_KNH, rows_N, numbers_N, keys, kept, grad_RH):
    """Add the values' gradient to ``grad_RH``, given that of the masked rows.

    The other arguments are those of ``dropout_forward``.
    """
    K, N, H = grad_KNH.shape
    scale = np.float32(LEVELS) / np.float32(kept)
    for n in range(N):
        sum_H, position = grad_RH[rows_N[n]], numbers_N[n] * H
        for k in range(K):
            grad_H = grad_KNH[k, n]
            if kept == LEVELS:
                for h in range(H):
                    sum_H[h] += grad_H[h]
                continue
            shift = np.uint16(k * LEVELS // K)
            for h in range(H):
                value, bits = grad_H[h] * scale, _random_bits(keys, position + h)
                sum_H[h] += value if np.uint16(bits + shift) < kept else np.float32(0)
