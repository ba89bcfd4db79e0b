"""Steps of Muon against singular values by NumPy."""

import numpy as np
import pytest
import torch
from torch import Tensor

from charloom.network.kernels import matmul_bf16
from charloom.training.optim.muon import MOMENTUM, POLYNOMIALS, Muon, orthogonalizer
from charloom.training.threads import ThreadPool


def orthogonal(matrix_MN: Tensor) -> Tensor:
    """Return the orthogonal matrix that Muon computes, about the nearest one: (M, N)."""
    if matrix_MN.shape[0] < matrix_MN.shape[1]:
        return orthogonal(matrix_MN.t()).t()
    scale, factor_NN = orthogonalizer(matrix_MN, ThreadPool())
    return matrix_MN @ factor_NN * scale


def make_matrix(rows: int, columns: int, smallest: float) -> tuple[Tensor, np.ndarray]:
    """Return a matrix of singular values from ``smallest`` to 1, and its polar factor."""
    rng = np.random.default_rng(rows * columns)
    size = min(rows, columns)
    left, _ = np.linalg.qr(rng.standard_normal((rows, size)))
    right, _ = np.linalg.qr(rng.standard_normal((columns, size)))
    values = np.geomspace(smallest, 1, size)
    return torch.tensor((left * values) @ right.T, dtype=torch.float32), left @ right.T


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (40, 10), (10, 40), (1, 7), (7, 1)])
def test_all_singular_values_become_about_one(rows: int, columns: int) -> None:
    matrix, polar = make_matrix(rows, columns, smallest=0.2)
    # Divided by its norm, at most sqrt(10), the smallest singular value stays above 0.02.
    result = orthogonal(17 * matrix).double().numpy()
    values = np.linalg.svd(result, compute_uv=False)
    assert 0.88 < values.min() <= values.max() < 1.12
    # With the polar factor, the inner product is the sum of the singular values.
    assert float((result * polar).sum()) == pytest.approx(values.sum(), rel=1e-3)


@pytest.mark.parametrize("size", [(4, 4), (37, 10), (300, 70)])
def test_with_products_of_bfloat16_singular_values_are_within_a_fifth(
    size: tuple[int, int],
) -> None:
    matrix, polar = make_matrix(*size, smallest=0.2)
    bits_MJ = matmul_bf16.to_bf16(matrix.numpy())
    polynomials = np.array(POLYNOMIALS, np.float32)
    scale, factor_NN = matmul_bf16.orthogonalizer(bits_MJ, *size, polynomials)
    result = (matrix.numpy() @ factor_NN * scale).astype(float)
    values = np.linalg.svd(result, compute_uv=False)
    assert 0.8 < values.min() <= values.max() < 1.2
    assert float((result * polar).sum()) == pytest.approx(values.sum(), rel=1e-2)


def test_a_matrix_of_zeros_stays_zero() -> None:
    assert not orthogonal(torch.zeros(3, 2)).any()


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_a_step_is_along_the_orthogonal_momentum(wide: bool, bf16: bool) -> None:
    shape = (2, 8) if wide else (8, 2)
    weight = torch.nn.Parameter(torch.zeros(shape))
    muon = Muon([weight], decay=0.3, bf16=bf16)
    momentum = torch.zeros(shape)
    expected = torch.zeros(shape)
    for seed in range(3):
        gradient = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        lookahead = (1 - MOMENTUM) * gradient + MOMENTUM * momentum
        expected = expected * (1 - 0.5 * 0.3) - 0.5 * (1 if wide else 2) * orthogonal(lookahead)
        weight.grad = gradient.clone()
        muon.step(0.5)
        error = 0.08 if bf16 else 1e-5
        torch.testing.assert_close(weight.detach(), expected, rtol=0, atol=error)
