"""Products of whole bfloat16 matrices with float32 sums, on one thread.

A matrix (M, K) is stored as bits (R, J) of type uint16: R is M rounded up to whole tiles and J is K
rounded up to whole blocks (``gemm_bf16``), both padded with zeros. Each product is one call of
compiled code, because every call from Python takes the global interpreter lock.

Axes: M rows, K terms of a sum, N columns, R and J padded as above, P panels, C columns of a panel.
"""

import numpy as np

from charloom.network.kernels import gemm_bf16, gemm_fp32
from charloom.network.kernels.forward import kernel
from charloom.network.kernels.intrinsics import PANEL_COLUMNS


@kernel
def empty_padded(M, K):
    """Return uninitialized bits of an (M, K) matrix; only the padding is zeroed."""
    bits_RJ = np.empty((gemm_fp32.padded_rows(M), gemm_bf16.padded_terms(K)), np.uint16)
    bits_RJ[:M, K:] = 0
    bits_RJ[M:] = 0
    return bits_RJ


@kernel
def to_bf16(values_MK):
    """Return the bits of a float32 matrix, (R, J)."""
    M, K = values_MK.shape
    bits_RJ = empty_padded(M, K)
    gemm_bf16.round_rows(values_MK, 0, K, bits_RJ)
    return bits_RJ


@kernel
def matmul(bits_RJ, right_KN):
    """Return the product with a float32 matrix, (R, N); the rows from M are zeros."""
    return _product(bits_RJ, gemm_bf16.pack(right_KN), right_KN.shape[1])


@kernel
def matmul_t(bits_RJ, right_NK, bias_N, sums_RN):
    """Write the product with a float32 matrix' transpose, plus a bias.

    The sums may be columns of a wider array. Requirements are those of ``gemm_fp32.add_product``.
    """
    for r in range(bits_RJ.shape[0]):
        for n in range(len(bias_N)):
            sums_RN[r, n] = bias_N[n]
    gemm_bf16.add_product(sums_RN, bits_RJ, gemm_bf16.pack_transposed(right_NK))


@kernel
def t_matmul(left_RJ, K, right_RJ, N, M):
    """Return the product of the transpose of an (M, K) and an (M, N) matrix, (K, N)."""
    # One factor has to be transposed: the smaller one, and then perhaps the result.
    if K > N:
        product_NK = _product(transpose_bf16(right_RJ, N, M), pack_bf16(left_RJ, K, M), K)[:N]
        return transpose_fp32(product_NK)
    return _product(transpose_bf16(left_RJ, K, M), pack_bf16(right_RJ, N, M), N)[:K]


@kernel
def _product(bits_RJ, packed, N):
    """Return the product with a packed matrix of N columns, (R, N)."""
    R = bits_RJ.shape[0]
    flat = np.zeros(R * N + gemm_fp32.TAIL_PADDING, np.float32)
    sums_RN = flat[: R * N].reshape(R, N)
    gemm_bf16.add_product(sums_RN, bits_RJ, packed)
    return sums_RN


@kernel
def pack_bf16(bits_RJ, N, M):
    """Return the panels of an (M, N) matrix, as ``gemm_bf16.pack`` does for float32."""
    J = gemm_bf16.padded_terms(M)
    P, C = -(-N // PANEL_COLUMNS), PANEL_COLUMNS
    panels = gemm_bf16.zero_panels(P, J // 2)
    pairs = panels.reshape(P, J // 2, 2 * C)
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
    return panels


@kernel
def transpose_bf16(bits_RJ, K, M):
    """Return the bits of the transpose of an (M, K) matrix.

    Rows are one block longer than needed: rows at a distance of a power of two compete for the same
    few lines of a cache.
    """
    J = gemm_bf16.padded_terms(M) + gemm_bf16.BLOCK_TERMS
    result_KJ = np.zeros((gemm_fp32.padded_rows(K), J), np.uint16)
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
    return result_KJ


@kernel
def transpose_fp32(values_MN):
    """Return the transpose of a float32 matrix, (N, M)."""
    M, N = values_MN.shape
    result_NM = np.empty((N, M), np.float32)
    for first in range(0, M, 16):
        for n in range(N):
            for m in range(first, min(first + 16, M)):
                result_NM[n, m] = values_MN[m, n]
    return result_NM
