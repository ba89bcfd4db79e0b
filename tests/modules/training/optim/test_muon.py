"""Steps of Muon against singular values by NumPy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.parameters import Floats, Parameters
from charloom.training.optim.muon import (
    BLOCKS,
    INTERVAL,
    MOMENTUM,
    Muon,
    Products,
    orthogonalizer,
)
from charloom.training.threads import ThreadPool

PRECISIONS = pytest.mark.parametrize("bf16", [False, True], ids=["fp32", "bf16"])
SHAPES = [(4, 4), (40, 10), (10, 40), (1, 7), (7, 1), (300, 70), (330, 330)]


def orthogonal(matrix_MN: Floats, *, bf16: bool = False) -> Floats:
    """Return the orthogonal matrix that Muon computes, about the nearest one: (M, N)."""
    if matrix_MN.shape[0] < matrix_MN.shape[1]:
        return orthogonal(matrix_MN.T, bf16=bf16).T
    scale, factor_NN = orthogonalizer(matrix_MN, Products(ThreadPool(), bf16=bf16))
    return matrix_MN @ factor_NN * np.float32(scale)


def make_matrix(rows: int, columns: int, smallest: float) -> tuple[Floats, NDArray[np.float64]]:
    """Return a matrix of singular values from ``smallest`` to 1, and its polar factor."""
    rng = np.random.default_rng(rows * columns)
    size = min(rows, columns)
    left, _ = np.linalg.qr(rng.standard_normal((rows, size)))
    right, _ = np.linalg.qr(rng.standard_normal((columns, size)))
    values = np.geomspace(smallest, 1, size)
    return ((left * values) @ right.T).astype(np.float32), left @ right.T


@PRECISIONS
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_all_singular_values_become_about_one(rows: int, columns: int, bf16: bool) -> None:
    # Divided by its norm, the smallest singular value must be above 0.02.
    smallest = 0.2 if min(rows, columns) <= 70 else 0.8
    matrix, polar = make_matrix(rows, columns, smallest)
    result = orthogonal(17 * matrix, bf16=bf16).astype(np.float64)
    values = np.linalg.svd(result, compute_uv=False)
    error, overlap = (0.2, 1e-2) if bf16 else (0.12, 1e-3)
    assert 1 - error < values.min() <= values.max() < 1 + error
    # With the polar factor, the inner product is the sum of the singular values.
    assert float((result * polar).sum()) == pytest.approx(values.sum(), rel=overlap)


def test_a_matrix_of_zeros_stays_zero() -> None:
    assert not orthogonal(np.zeros((3, 2), np.float32)).any()


@PRECISIONS
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 33, 200, 900])
def test_symmetric_products_are_products(size: int, count: int, bf16: bool) -> None:
    matrix_NK = np.random.default_rng(size).standard_normal((size, 50)).astype(np.float32)
    expected_NN = matrix_NK.astype(np.float64) @ matrix_NK.T.astype(np.float64)
    with ThreadPool(count) as threads:
        products = Products(threads, bf16=bf16)
        result_NN = products.symmetric(matrix_NK, matrix_NK.T)
        whole_NN = products.product(matrix_NK, matrix_NK.T)
    error = 2**-8 * 50 if bf16 else 1e-4
    np.testing.assert_allclose(result_NN, expected_NN, atol=error)
    np.testing.assert_allclose(whole_NN, expected_NN, atol=error)


def test_blocks_below_the_diagonal_are_copies_of_those_above() -> None:
    """And no others: a transposed diagonal block lets rounding errors grow from step to step."""
    rng = np.random.default_rng(0)
    left_NN, right_NN = (rng.standard_normal((384, 384)).astype(np.float32) for _ in range(2))
    products = Products(ThreadPool(), bf16=False)
    whole_NN = products.product(left_NN, right_NN)
    block_N = np.arange(384) // (384 // BLOCKS)
    above_NN = block_N[:, None] <= block_N
    expected_NN = np.where(above_NN, whole_NN, whole_NN.T)
    np.testing.assert_allclose(products.symmetric(left_NN, right_NN), expected_NN, atol=1e-3)


@PRECISIONS
@pytest.mark.parametrize("shape", [(8, 2), (2, 8), (66, 33)])
def test_a_step_is_along_the_orthogonal_momentum(shape: tuple[int, int], bf16: bool) -> None:
    names = {"cells.0.recurrent_weight": shape}
    weights, gradients = Parameters(names), Parameters(names)
    muon = Muon(weights, gradients, decay=0.3, bf16=bf16)
    momentum, expected = np.zeros(shape), np.zeros(shape)
    size = max(1.0, shape[0] / shape[1]) ** 0.5
    for seed in range(2 * INTERVAL + 1):
        muon.steps["recurrent"] += 1
        gradient = np.random.default_rng(seed).standard_normal(shape)
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        ahead = (1 - MOMENTUM) * gradient + MOMENTUM * momentum
        direction = orthogonal(ahead.astype(np.float32))
        if seed % INTERVAL == 0:
            expected = expected * (1 - 0.5 * 0.3) - 0.5 * size * direction
        gradients.arrays["cells.0.recurrent_weight"][...] = 4 * gradient
        for update in muon.updates("recurrent", 0.5 / INTERVAL, 0.25, ThreadPool()):
            update()
        error = 0.12 if bf16 else 1e-5
        np.testing.assert_allclose(
            weights.arrays["cells.0.recurrent_weight"], expected, rtol=0, atol=error
        )


def test_the_largest_matrix_comes_first() -> None:
    """Threads take the updates in this order, so that the last ones are short."""
    names = {
        "cells.0.input_weight": (12, 3),
        "cells.0.recurrent_weight": (16, 4),
        "cells.1.input_weight": (4, 4),
    }
    weights, gradients = Parameters(names), Parameters(names)
    gradients.flat_P[:] = 1
    muon = Muon(weights, gradients, decay=0.0, bf16=False)
    muon.steps["recurrent"] = 1
    changed = []
    for update in muon.updates("recurrent", 0.5, 1.0, ThreadPool()):
        update()
        changed.append([name for name, array in weights.arrays.items() if array.any()])
    assert changed[0] == ["cells.0.recurrent_weight"]
    assert len(changed) == len(changed[-1]) == 3
