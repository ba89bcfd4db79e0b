"""Products of matrices whose values are bfloat16, compiled by Numba for one thread.

Each is one call, from rows to sums: a call takes the interpreter for a moment.

Axes: M rows, K terms of a sum, filled up to J as in arithmetic/bfloat16.py, N columns, P panels, C
columns of a panel.
"""

import numpy as np

from charloom.network.kernels import gemm_bf16, gemm_fp32
from charloom.network.kernels.forward import kernel
from charloom.network.kernels.intrinsics import PANEL_COLUMNS


@kernel
def empty_padded(M, K):
    """Return room for rows of bfloat16, filled up with zeros to whole tiles and blocks."""
    rounded_MJ = np.empty((gemm_fp32.padded_rows(M), gemm_bf16.padded_terms(K)), np.uint16)
    rounded_MJ[:M, K:] = 0
    rounded_MJ[M:] = 0
    return rounded_MJ


@kernel
def to_bf16(values_MK):
    """Return rows of values as bfloat16, filled up with zeros to whole tiles and blocks."""
    M, K = values_MK.shape
    rounded_MJ = empty_padded(M, K)
    for m in range(M):
        gemm_bf16.round_row(values_MK[m], rounded_MJ[m])
    return rounded_MJ


@kernel
def matmul(rounded_MJ, right_KN):
    """Return the product with a matrix, (M, N)."""
    return _product(rounded_MJ, gemm_bf16.pack(right_KN), right_KN.shape[1])


@kernel
def matmul_t(rounded_MJ, right_NK, start_N, sums_MN):
    """Write the product with the transpose of a matrix, plus a row, into sums.

    They may be columns of an array with more of them; behind them there is room.
    """
    M, J = rounded_MJ.shape
    row = sums_MN.strides[0] // sums_MN.itemsize
    for m in range(M):
        for n in range(len(start_N)):
            sums_MN[m, n] = start_N[n]
    packed = gemm_bf16.pack_transposed(right_NK)
    gemm_bf16.add_product(sums_MN, 0, row, rounded_MJ.reshape(M * J), 0, J, M, packed)


@kernel
def t_matmul(left_MJ, K, right_MJ, N, M):
    """Return the product of the transpose of M rows of K values with as many of N, (K, N)."""
    # One of the two has to be transposed: it is the smaller one, and perhaps the result.
    if K > N:
        return transpose_fp32(
            _product(transpose_bf16(right_MJ, N, M), pack_bf16(left_MJ, K, M), K)[:N]
        )
    return _product(transpose_bf16(left_MJ, K, M), pack_bf16(right_MJ, N, M), N)[:K]


@kernel
def _product(rounded_MJ, packed, N):
    """Return the product of rows and a packed matrix, (M, N)."""
    M, J = rounded_MJ.shape
    flat = np.zeros(M * N + gemm_fp32.TAIL_PADDING, np.float32)
    gemm_bf16.add_product(flat, 0, N, rounded_MJ.reshape(M * J), 0, J, M, packed)
    return flat[: M * N].reshape(M, N)


@kernel
def muon_step(weight_MN, gradient_MN, momentum_MN, beta, weight_scale, step_size, polynomials):
    """Take a step of Muon with products of bfloat16: see learning/muon.py, where M is at least N.

    ``inertia`` is what the momentum keeps, ``keep`` the share that is kept of the weight, ``size``
    that of the step; ``polynomials`` has a row of three coefficients for each.
    """
    M, N = weight_MN.shape
    ahead_MN = np.empty((M, N), np.float32)
    for m in range(M):
        for n in range(N):
            momentum = gradient_MN[m, n] + beta * (momentum_MN[m, n] - gradient_MN[m, n])
            momentum_MN[m, n] = momentum
            ahead_MN[m, n] = gradient_MN[m, n] + beta * (momentum - gradient_MN[m, n])
    ahead_MJ = to_bf16(ahead_MN)
    scale, factor_NN = orthogonalizer(ahead_MJ, M, N, polynomials)
    step_MN = matmul(ahead_MJ, factor_NN)
    scale *= step_size
    for m in range(M):
        for n in range(N):
            weight_MN[m, n] = weight_scale * weight_MN[m, n] - scale * step_MN[m, n]


@kernel
def orthogonalizer(rounded_MJ, M, N, polynomials):
    """Return a number and a matrix whose product with M rows has singular values of about 1."""
    square_NN = t_matmul(rounded_MJ, N, rounded_MJ, N, M)
    norm = np.float32(0)
    for n in range(N):
        norm += square_NN[n, n]
    norm = max(norm, np.float32(1e-30))
    square_NN = square_NN / norm
    factor_NN = square_NN
    for number in range(len(polynomials)):
        a, b, c = polynomials[number]
        q_NN = matmul(to_bf16(square_NN), square_NN)[:N]
        for n in range(N):
            for k in range(N):
                q_NN[n, k] = c * q_NN[n, k] + b * square_NN[n, k]
            q_NN[n, n] += a
        factor_NN = q_NN if number == 0 else matmul(to_bf16(factor_NN), q_NN)[:N]
        if number < len(polynomials) - 1:
            both_NN = matmul(to_bf16(q_NN), square_NN)[:N]
            square_NN = matmul(to_bf16(both_NN), q_NN)[:N]
    return np.float32(1) / np.sqrt(norm), factor_NN


@kernel
def pack_bf16(rounded_MJ, N, M):
    """Return the panels of M rows and N columns, as bfloat16.pack does."""
    J = gemm_bf16.padded_terms(M)
    P, C = -(-N // PANEL_COLUMNS), PANEL_COLUMNS
    panels = np.zeros((P, J // 2, C, 2), np.uint16)
    pairs = panels.reshape(P, J // 2, 2 * C)
    for m in range(0, M - 1, 2):
        for p in range(P):
            upper, lower = rounded_MJ[m, p * C : p * C + C], rounded_MJ[m + 1, p * C : p * C + C]
            pair = pairs[p, m // 2]
            for c in range(C):
                pair[2 * c] = upper[c]
                pair[2 * c + 1] = lower[c]
    if M % 2:
        for p in range(P):
            for c in range(C):
                pairs[p, M // 2, 2 * c] = rounded_MJ[M - 1, p * C + c]
    return panels


@kernel
def transpose_bf16(rounded_MJ, K, M):
    """Return the transpose of M rows and K columns, (K, M), filled up with zeros to whole tiles.

    A row has a block more than it needs: rows at a distance of a power of two share the same few
    places of a cache.
    """
    J = gemm_bf16.padded_terms(M) + gemm_bf16.BLOCK_TERMS
    result_KJ = np.zeros((gemm_fp32.padded_rows(K), J), np.uint16)
    for first in range(0, M - 1, 32):
        for k in range(K):
            row = result_KJ[k]
            for m in range(first, min(first + 32, M - 1), 2):
                row[m] = rounded_MJ[m, k]
                row[m + 1] = rounded_MJ[m + 1, k]
    if M % 2:
        for k in range(K):
            result_KJ[k, M - 1] = rounded_MJ[M - 1, k]
    return result_KJ


@kernel
def transpose_fp32(values_MN):
    """Return the transpose of a matrix."""
    M, N = values_MN.shape
    turned_NM = np.empty((N, M), np.float32)
    for first in range(0, M, 16):
        for n in range(N):
            for m in range(first, min(first + 16, M)):
                turned_NM[n, m] = values_MN[m, n]
    return turned_NM
