"""Products of whole bfloat16 matrices with float32 sums, on one thread.

A matrix (M, K) is stored as bits (R, J) of type uint16: R is M rounded up to whole tiles and J is K
rounded up to whole blocks (``gemm_bf16``), both padded with zeros.

Axes: M rows, K terms of a sum, N columns, R and J padded as above, P panels, C columns of a panel.
"""

import numpy as np
from numpy.typing import NDArray

from charloom.network.kernels import blocks, gemm_bf16, gemm_fp32
from charloom.network.kernels.forward import kernel

Floats = NDArray[np.float32]
Bits = NDArray[np.uint16]


def empty_padded(M: int, K: int) -> Bits:
    """Return uninitialized bits of an (M, K) matrix; only the padding is zeroed."""
    bits_RJ = np.empty((gemm_fp32.padded_rows(M), gemm_bf16.padded_terms(K)), np.uint16)
    bits_RJ[:M, K:] = 0
    bits_RJ[M:] = 0
    return bits_RJ


def to_bf16(values_MK: Floats) -> Bits:
    """Return the bits of a float32 matrix, (R, J)."""
    bits_RJ = empty_padded(*values_MK.shape)
    _round(values_MK.view(np.uint32), bits_RJ)
    return bits_RJ


def matmul(bits_RJ: Bits, right_KN: Floats) -> Floats:
    """Return the product with a float32 matrix, (R, N); the rows from M are zeros."""
    return _product(bits_RJ, gemm_bf16.pack(right_KN), right_KN.shape[1])


def matmul_t(bits_RJ: Bits, right_NK: Floats, bias_N: Floats, sums_RN: Floats) -> None:
    """Write the product with a float32 matrix' transpose, plus a bias.

    The sums may be columns of a wider array. Requirements are those of ``gemm_fp32.add_product``.
    """
    sums_RN[...] = bias_N
    add_product(sums_RN, bits_RJ, gemm_bf16.pack_transposed(right_NK))


def t_matmul(left_RJ: Bits, K: int, right_RJ: Bits, N: int, M: int) -> Floats:
    """Return the product of the transpose of an (M, K) and an (M, N) matrix, (K, N)."""
    # One factor has to be transposed: the smaller one, and then perhaps the result.
    if K <= N:
        return _product(transpose_bf16(left_RJ, K, M), pack_bf16(right_RJ, N, M), N)[:K]
    product_NK = _product(transpose_bf16(right_RJ, N, M), pack_bf16(left_RJ, K, M), K)[:N]
    result_KN = np.empty((K, N), np.float32)
    blocks.transpose(product_NK, result_KN)
    return result_KN


def _product(bits_RJ: Bits, packed: Bits, N: int) -> Floats:
    """Return the product with a packed matrix of N columns, (R, N)."""
    sums_RN = gemm_fp32.empty_padded(len(bits_RJ), N)
    sums_RN[...] = 0
    add_product(sums_RN, bits_RJ, packed)
    return sums_RN


@kernel
def add_product(sums_RN, bits_RJ, packed):
    """Add the product with a packed matrix, see ``gemm_bf16.add_product``."""
    gemm_bf16.add_product(sums_RN, bits_RJ, packed)


@kernel
def _round(words_MK, bits_RJ):
    gemm_bf16.round_rows(words_MK, 0, words_MK.shape[1], bits_RJ)


def pack_bf16(bits_RJ: Bits, N: int, M: int) -> Bits:
    """Return the panels of an (M, N) matrix, as ``gemm_bf16.pack`` does for float32."""
    panels = gemm_bf16.zero_panels(M, N)
    _fill(bits_RJ, M, panels)
    return panels


@kernel
def _fill(bits_RJ, M, panels):
    P, J2, C = panels.shape[:3]
    pairs = panels.reshape(P, J2, 2 * C)
    for m in range(0, M - 1, 2):
        for p in range(P):
            first, second = bits_RJ[m, p * C : p * C + C], bits_RJ[m + 1, p * C : p * C + C]
            pair = pairs[p, m // 2]
            for c in range(C):
                pair[2 * c] = first[c]
                pair[2 * c + 1] = second[c]
    if M % 2:
        for p in range(P):
            for c in range(C):
                pairs[p, M // 2, 2 * c] = bits_RJ[M - 1, p * C + c]


def transpose_bf16(bits_RJ: Bits, K: int, M: int) -> Bits:
    """Return the bits of the transpose of an (M, K) matrix.

    Rows are one block longer than needed: rows at a distance of a power of two compete for the same
    few lines of a cache.
    """
    J = gemm_bf16.padded_terms(M) + gemm_bf16.BLOCK_TERMS
    result_KJ = np.zeros((gemm_fp32.padded_rows(K), J), np.uint16)
    _transpose(bits_RJ, K, M, result_KJ)
    return result_KJ


@kernel
def _transpose(bits_RJ, K, M, result_KJ):
    # Blocks of 32 columns keep both the reads and the writes in the cache.
    for first in range(0, M - 1, 32):
        for k in range(K):
            row = result_KJ[k]
            for m in range(first, min(first + 32, M - 1), 2):
                row[m] = bits_RJ[m, k]
                row[m + 1] = bits_RJ[m + 1, k]
    if M % 2:
        for k in range(K):
            result_KJ[k, M - 1] = bits_RJ[M - 1, k]
