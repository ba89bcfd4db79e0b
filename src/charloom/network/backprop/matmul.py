"""Matrix products of a training step on a CPU, in float32 or bfloat16.

Each runs on one thread, and sums are float32 in either case. float32 products are those of NumPy's
BLAS library or own tiles, as ``kernels.product_table`` says for the processor and the shape.
bfloat16 products are our own: no BLAS library for NumPy has them.

Axes: M rows, K terms of a sum, N columns, J K padded as in ``kernels.gemm_bf16``.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from charloom.network.kernels import matmul_bf16, matmul_fp32
from charloom.network.kernels.product_table import product_method

Floats = NDArray[np.float32]
Bf16Bits = NDArray[np.uint16]


class Matrix(Protocol):
    """A matrix (M, K) that takes part in several products."""

    def matmul(self, right_KN: Floats) -> Floats:
        """Return the product with another matrix, (M, N)."""
        ...

    def matmul_t(self, right_NK: Floats, bias_N: Floats, sums_MN: Floats) -> None:
        """Write the product with another matrix' transpose, plus a bias.

        The sums have padding rows and are columns of an array of ``gemm_fp32.empty_padded``.
        """
        ...

    def t_matmul(self, right: Self, result_KN: Floats) -> None:
        """Write the product of this matrix' transpose and ``right`` (M, N)."""
        ...


def as_matrix(values_MK: Floats, *, bf16: bool) -> Matrix:
    """Prepare a matrix for products in float32, or rounded to bfloat16."""
    if not bf16:
        return Fp32Matrix(values_MK)
    return Bf16Matrix(matmul_bf16.to_bf16(values_MK), *values_MK.shape)


class Fp32Matrix:
    """A float32 matrix.

    Values that are not finite pass without NumPy's warnings: the trainer checks the loss.
    """

    def __init__(self, values_MK: Floats) -> None:
        self._values_MK = values_MK

    def matmul(self, right_KN: Floats) -> Floats:
        """Return the product with another matrix, (M, N)."""
        left_MK = self._values_MK
        tiles = product_method(len(left_MK), *right_KN.shape) == "tiles"
        with np.errstate(all="ignore"):
            product: Floats = (matmul_fp32.matmul if tiles else np.matmul)(left_MK, right_KN)
        return product

    def matmul_t(self, right_NK: Floats, bias_N: Floats, sums_MN: Floats) -> None:
        """Write the product with the transpose of another matrix, plus a bias."""
        left_MK = self._values_MK
        M, K = left_MK.shape
        if product_method(M, K, len(right_NK)) == "tiles":
            matmul_fp32.matmul_t(left_MK, right_NK, bias_N, sums_MN)
            return
        sums = sums_MN[: len(left_MK)]
        with np.errstate(all="ignore"):
            np.matmul(left_MK, right_NK.T, out=sums)
            sums += bias_N

    def t_matmul(self, right: Fp32Matrix, result_KN: Floats) -> None:
        """Write the product of this matrix' transpose and ``right`` (M, N)."""
        with np.errstate(all="ignore"):
            np.matmul(self._values_MK.T, right._values_MK, out=result_KN)


class Bf16Matrix:
    """A bfloat16 matrix of ``rows`` x ``terms``, padded as in ``kernels.matmul_bf16``."""

    def __init__(self, bits_MJ: Bf16Bits, rows: int, terms: int) -> None:
        self._bits_MJ = bits_MJ
        self._rows, self._terms = rows, terms

    def matmul(self, right_KN: Floats) -> Floats:
        """Return the product with another matrix, (M, N)."""
        sums: Floats = matmul_bf16.matmul(self._bits_MJ, right_KN)
        return sums[: self._rows]

    def matmul_t(self, right_NK: Floats, bias_N: Floats, sums_MN: Floats) -> None:
        """Write the product with the transpose of another matrix, plus a bias."""
        matmul_bf16.matmul_t(self._bits_MJ, right_NK, bias_N, sums_MN)

    def t_matmul(self, right: Bf16Matrix, result_KN: Floats) -> None:
        """Write the product of this matrix' transpose and ``right`` (M, N)."""
        others = right._bits_MJ, right._terms
        result_KN[...] = matmul_bf16.t_matmul(self._bits_MJ, self._terms, *others, self._rows)
