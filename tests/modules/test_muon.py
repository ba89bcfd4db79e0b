"""Muon against singular values by NumPy."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from charloom.learning.muon import MOMENTUM, Muon, orthogonal
from charloom.learning.products import of_exact, of_rounded
from charloom.learning.threads import Threads


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


def test_products_of_bfloat16_are_good_enough() -> None:
    """All large products are rounded to 9 bits: singular values come less near to one."""
    given, polar = matrix(700, 250, least=0.2)
    with Threads(2, 1) as threads:
        made = orthogonal(given, functools.partial(of_rounded, threads)).double().numpy()
    values = np.linalg.svd(made, compute_uv=False)
    assert 0.8 < values.min() <= values.max() < 1.2
    assert float((made * polar).sum()) == pytest.approx(values.sum(), rel=1e-2)


class Counting(Threads):
    """Remembers into how many pieces work was spread."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.pieces: list[int] = []

    def spread(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        self.pieces.append(len(items))
        return super().spread(function, items)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_large_product_is_the_same_on_several_threads(count: int) -> None:
    draw = torch.Generator().manual_seed(count)
    left, right = torch.randn(401, 300, generator=draw), torch.randn(300, 310, generator=draw)
    with Counting(count) as threads:
        torch.testing.assert_close(of_exact(threads, left, right), left @ right)
        torch.testing.assert_close(of_exact(threads, right.T, left.T), (left @ right).T)
    assert threads.pieces == ([] if count == 1 else [count, count])


def test_a_gradient_of_zero_changes_nothing() -> None:
    assert not orthogonal(torch.zeros(3, 2)).any()


def test_a_step_is_along_the_orthogonal_momentum() -> None:
    weight = torch.nn.Parameter(torch.zeros(8, 2))
    rule = Muon([weight], decay=0.3)
    momentum = torch.zeros(8, 2)
    expected = torch.zeros(8, 2)
    for seed in range(3):
        gradient = torch.randn(8, 2, generator=torch.Generator().manual_seed(seed))
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        ahead = (1 - MOMENTUM) * gradient + MOMENTUM * momentum
        expected = expected * (1 - 0.5 * 0.3) - 0.5 * 2 * orthogonal(ahead)
        weight.grad = gradient.clone()
        rule.step(0.5)
        torch.testing.assert_close(weight.detach(), expected)
