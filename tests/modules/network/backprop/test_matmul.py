"""Products of ``Fp32Matrix`` and ``Bf16Matrix`` against float64."""

import numpy as np
import pytest
from bfloat16 import round_to_bf16
from numpy.typing import NDArray

from charloom.network.backprop.matmul import Bf16Matrix, as_matrix
from charloom.network.kernels.gemm_fp32 import empty_padded, padded_rows

Floats = NDArray[np.float32]


def random(*shape: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def rounded(values: Floats, bf16: bool) -> NDArray[np.float64]:
    return (round_to_bf16(values) if bf16 else values).astype(np.float64)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize(
    "size", [(1, 1, 1), (5, 33, 7), (64, 16, 40), (70, 100, 3), (601, 128, 150)]
)
def test_products_equal_float64(size: tuple[int, int, int], bf16: bool) -> None:
    rows, terms, columns = size
    left, right = random(rows, terms, seed=1), random(terms, columns, seed=2)
    other, bias = random(rows, columns, seed=3), random(columns, seed=4)
    matrix, second = as_matrix(left, bf16=bf16), as_matrix(other, bf16=bf16)
    assert isinstance(matrix, Bf16Matrix) == bf16
    product = rounded(left, bf16) @ rounded(right, bf16)
    np.testing.assert_allclose(matrix.matmul(right), product, rtol=0, atol=1e-4)
    sums = empty_padded(padded_rows(rows), columns)
    matrix.matmul_t(np.ascontiguousarray(right.T), bias, sums)
    np.testing.assert_allclose(sums[:rows], product + bias, rtol=0, atol=1e-4)
    t_product = rounded(left, bf16).T @ rounded(other, bf16)
    result = np.full((terms, columns), np.nan, np.float32)
    matrix.t_matmul(second, result)
    np.testing.assert_allclose(result, t_product, rtol=0, atol=1e-4)
    second.t_matmul(matrix, transposed := np.full((columns, terms), np.nan, np.float32))
    np.testing.assert_allclose(transposed, t_product.T, rtol=0, atol=1e-4)
