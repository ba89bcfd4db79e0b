"""Muon against singular values by NumPy."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from charloom.network.kernels import matmul_bf16
from charloom.training.optim.muon import MOMENTUM, POLYNOMIALS, Muon, orthogonalizer
from charloom.training.optim.parallel_matmul import parallel_addmm_
from charloom.training.threads import ThreadPool


def orthogonal(matrix_MN: Tensor) -> Tensor:
    """Return about the nearest matrix whose singular values are all 1, (M, N)."""
    if matrix_MN.shape[0] < matrix_MN.shape[1]:
        return orthogonal(matrix_MN.t()).t()
    scale, factor_NN = orthogonalizer(matrix_MN, ThreadPool())
    return matrix_MN @ factor_NN * scale


def matrix(rows: int, columns: int, least: float) -> tuple[Tensor, np.ndarray]:
    """Return a matrix with singular values from ``least`` to 1, and its polar factor."""
    rng = np.random.default_rng(rows * columns)
    size = min(rows, columns)
    left, _ = np.linalg.qr(rng.standard_normal((rows, size)))
    right, _ = np.linalg.qr(rng.standard_normal((columns, size)))
    values = np.geomspace(least, 1, size)
    return torch.tensor((left * values) @ right.T, dtype=torch.float32), left @ right.T


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (40, 10), (10, 40), (1, 7), (7, 1)])
def test_all_singular_values_come_near_to_one(rows: int, columns: int) -> None:
    given, polar = matrix(rows, columns, least=0.2)
    # Divided by its norm, at most sqrt(10) times the largest value, 0.02 is not fallen short of.
    made = orthogonal(17 * given).double().numpy()
    values = np.linalg.svd(made, compute_uv=False)
    assert 0.88 < values.min() <= values.max() < 1.12
    # The nearest orthogonal matrix has the largest inner product with it: the sum of its values.
    assert float((made * polar).sum()) == pytest.approx(values.sum(), rel=1e-3)


@pytest.mark.parametrize("size", [(4, 4), (37, 10), (300, 70)])
def test_products_of_bfloat16_are_good_enough(size: tuple[int, int]) -> None:
    """Products are rounded to 9 bits: singular values come less near to one."""
    given, polar = matrix(*size, least=0.2)
    rounded_MJ = matmul_bf16.to_bf16(given.numpy())
    polynomials = np.array(POLYNOMIALS, np.float32)
    scale, factor_NN = matmul_bf16.orthogonalizer(rounded_MJ, *size, polynomials)
    made = (given.numpy() @ factor_NN * scale).astype(float)
    values = np.linalg.svd(made, compute_uv=False)
    assert 0.8 < values.min() <= values.max() < 1.2
    assert float((made * polar).sum()) == pytest.approx(values.sum(), rel=1e-2)


class Counting(ThreadPool):
    """Remembers into how many pieces work was spread."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.pieces: list[int] = []

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        self.pieces.append(len(items))
        return super().map(function, items)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_large_product_is_the_same_on_several_threads(count: int) -> None:
    draw = torch.Generator().manual_seed(count)
    left, right = torch.randn(401, 300, generator=draw), torch.randn(300, 320, generator=draw)
    alone = torch.ones(401, 320)
    parallel_addmm_(ThreadPool(), alone, left, right, beta=0.5, alpha=1.0)
    with Counting(count) as threads:
        made = parallel_addmm_(threads, torch.ones(401, 320), left, right, beta=0.5, alpha=1.0)
        torch.testing.assert_close(made, alone)
        made = parallel_addmm_(threads, torch.ones(320, 401), right.T, left.T, beta=0.5, alpha=1.0)
        torch.testing.assert_close(made, alone.T)
    assert threads.pieces == ([] if count == 1 else [count, count])


def test_a_gradient_of_zero_changes_nothing() -> None:
    assert not orthogonal(torch.zeros(3, 2)).any()


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_a_step_is_along_the_orthogonal_momentum(turned: bool, rounded: bool) -> None:
    shape = (2, 8) if turned else (8, 2)
    weight = torch.nn.Parameter(torch.zeros(shape))
    rule = Muon([weight], decay=0.3, bf16=rounded)
    momentum = torch.zeros(shape)
    expected = torch.zeros(shape)
    for seed in range(3):
        gradient = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        ahead = (1 - MOMENTUM) * gradient + MOMENTUM * momentum
        expected = expected * (1 - 0.5 * 0.3) - 0.5 * (1 if turned else 2) * orthogonal(ahead)
        weight.grad = gradient.clone()
        rule.step(0.5)
        error = 0.08 if rounded else 1e-5
        torch.testing.assert_close(weight.detach(), expected, rtol=0, atol=error)
