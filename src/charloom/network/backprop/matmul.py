"""Matrix products of a training step on a CPU, in float32 or bfloat16.

Each runs on one thread, and sums are float32 in either case. float32 products are those of NumPy's
BLAS library. bfloat16 products are our own: no BLAS library for NumPy has them.

Axes: M rows, K terms of a sum, N columns, J K padded as in ``kernels.gemm_bf16``.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from charloom.network.kernels import matmul_bf16

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
    """A float32 matrix."""

    def __init__(self, values_MK: Floats) -> None:
        self._values_MK = values_MK

    def matmul(self, right_KN: Floats) -> Floats:
        """Return the product with another matrix, (M, N)."""
        product: Floats = np.matmul(self._values_MK, right_KN)
        return product

    def matmul_t(self, right_NK: Floats, bias_N: Floats, sums_MN: Floats) -> None:
        """Write the product with the transpose of another matrix, plus a bias."""
        sums = sums_MN[: len(self._values_MK)]
        np.matmul(self._values_MK, right_NK.T, out=sums)
        sums += bias_N

    def t_matmul(self, right: Fp32Matrix, result_KN: Floats) -> None:
        """Write the product of this matrix' transpose and ``right`` (M, N)."""
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
