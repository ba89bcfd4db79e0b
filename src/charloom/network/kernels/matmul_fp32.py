"""Products of whole float32 matrices by own tiles, on one thread.

``product_table`` has the shapes for which they are faster than NumPy's BLAS library. The scheme is
that of ``gemm_fp32``, with blocks of rows and terms that stay in the cache. Each sum adds its terms
in order, whatever the blocks.

Axes: M rows, K terms of a sum, N columns, P panels, C columns of a panel.
"""

import numpy as np
from numpy.typing import NDArray

from charloom.network.kernels import gemm_fp32
from charloom.network.kernels.forward import kernel

Floats = NDArray[np.float32]

_BLOCK_ROWS = 96
_BLOCK_TERMS = 256
"""A panel of so many terms takes half of a first-level cache; rows stay in the second level."""


def matmul(left_MK: Floats, right_KN: Floats) -> Floats:
    """Return the product of two matrices, (M, N)."""
    sums_MN = gemm_fp32.empty_padded(len(left_MK), right_KN.shape[1])
    sums_MN[...] = 0
    _add_product(sums_MN, left_MK, gemm_fp32.pack(right_KN))
    return sums_MN


def matmul_t(left_MK: Floats, right_NK: Floats, bias_N: Floats, sums_MN: Floats) -> None:
    """Write the product with the transpose of another matrix, plus a bias.

    The sums may be columns of a wider array. Zeros are added to up to ``gemm_fp32.TAIL_PADDING``
    elements behind each row of them, which must be writable.
    """
    sums_MN[: len(left_MK)] = bias_N
    _add_product(sums_MN, left_MK, gemm_fp32.pack_transposed(right_NK))


def _add_product(sums_MN: Floats, left_MK: Floats, packed_PKC: Floats) -> None:
    """Add the product of any number of rows and a packed matrix."""
    M, K = left_MK.shape
    whole = M - M % gemm_fp32.TILE_ROWS
    add_product(sums_MN[:whole], left_MK[:whole], packed_PKC)
    if whole < M:
        # A tile needs all its rows: the last ones are multiplied in a copy.
        rows_RK = np.zeros((gemm_fp32.TILE_ROWS, K), np.float32)
        rows_RK[: M - whole] = left_MK[whole:]
        sums_RN = gemm_fp32.empty_padded(gemm_fp32.TILE_ROWS, sums_MN.shape[1])
        sums_RN[: M - whole] = sums_MN[whole:M]
        add_product(sums_RN, rows_RK, packed_PKC)
        sums_MN[whole:M] = sums_RN[: M - whole]


@kernel
def add_product(sums_RN, rows_RK, packed_PKC):
    """Add the product of whole tiles of rows and a packed matrix, block by block."""
    R, K = rows_RK.shape
    for first in range(0, K, _BLOCK_TERMS):
        last = min(first + _BLOCK_TERMS, K)
        for begin in range(0, R, _BLOCK_ROWS):
            end = min(begin + _BLOCK_ROWS, R)
            block = rows_RK[begin:end, first:last]
            gemm_fp32.add_product(sums_RN[begin:end], block, packed_PKC[:, first:last])
