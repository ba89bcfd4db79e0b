"""Products of whole matrices by tiles against float64."""

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.kernels import matmul_fp32
from charloom.network.kernels.gemm_fp32 import TILE_COLUMNS, TILE_ROWS, empty_padded

SHAPES = [
    (1, 1, 1),
    (TILE_ROWS, 3, TILE_COLUMNS),
    (TILE_ROWS + 3, 257, 5),
    (99, 256, TILE_COLUMNS + 1),
    (203, 600, 2 * TILE_COLUMNS + 3),
]
"""Rows beyond whole tiles and blocks, and terms beyond blocks."""


def random(*shape: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_matmul_equals_float64(shape: tuple[int, int, int]) -> None:
    rows, terms, columns = shape
    left, right = random(rows, terms, seed=1), random(terms, columns, seed=2)
    product = matmul_fp32.matmul(left, right)
    # Off by at most 2**-24 of each of the terms, which are of size 1.
    expected = left.astype(float) @ right
    np.testing.assert_allclose(product, expected, rtol=0, atol=terms * 4e-7)


@pytest.mark.parametrize("shape", SHAPES)
def test_matmul_t_adds_a_bias_and_leaves_other_columns(shape: tuple[int, int, int]) -> None:
    rows, terms, columns = shape
    left, right = random(rows, terms, seed=1), random(columns, terms, seed=2)
    bias = random(columns, seed=3)
    wider = empty_padded(rows + 1, columns + 3)
    wider[:] = before = random(rows + 1, columns + 3, seed=4)
    matmul_fp32.matmul_t(left, right, bias, wider[:rows, :columns])
    expected = before.astype(float)
    expected[:rows, :columns] = left.astype(float) @ right.T + bias
    np.testing.assert_allclose(wider, expected, rtol=0, atol=terms * 4e-7)


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    left, right = random(203, 300, seed=1), random(300, 40, seed=2)
    whole = matmul_fp32.matmul(left, right)
    for row in (0, 95, 96, 201, 202):
        assert (matmul_fp32.matmul(left[row : row + 1], right)[0] == whole[row]).all()
