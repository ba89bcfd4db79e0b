"""Muon against singular values by NumPy, and AdamW for what it leaves to it."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from charloom.learning.muon import MOMENTUM, Muon, orthogonal, product


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


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_large_product_is_the_same_on_several_threads(count: int) -> None:
    class Counting:
        """Does the pieces one after another, and counts them."""

        def __init__(self) -> None:
            self.count, self.done = count, 0

        def spread(self, function: Any, items: Any) -> list[Any]:
            self.done += len(items)
            return [function(item) for item in items]

    draw = torch.Generator().manual_seed(count)
    left, right = torch.randn(401, 300, generator=draw), torch.randn(300, 310, generator=draw)
    threads = Counting()
    torch.testing.assert_close(product(threads, left, right), left @ right)
    assert threads.done == count
    torch.testing.assert_close(product(threads, right.T, left.T), (left @ right).T)


def test_a_gradient_of_zero_changes_nothing() -> None:
    assert not orthogonal(torch.zeros(3, 2)).any()


def test_a_step_is_along_the_orthogonal_momentum() -> None:
    weight = torch.nn.Parameter(torch.zeros(8, 2))
    optimizer = Muon([{"params": [weight], "orthogonal": True}], lr=0.5, weight_decay=0.3)
    momentum = torch.zeros(8, 2)
    expected = torch.zeros(8, 2)
    for seed in range(3):
        gradient = torch.randn(8, 2, generator=torch.Generator().manual_seed(seed))
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        ahead = (1 - MOMENTUM) * gradient + MOMENTUM * momentum
        expected = expected * (1 - 0.5 * 0.3) - 0.5 * 2 * orthogonal(ahead)
        weight.grad = gradient.clone()
        optimizer.step()
        torch.testing.assert_close(weight.detach(), expected)


def test_the_other_groups_are_adamw() -> None:
    first = torch.nn.Parameter(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))
    second, matrix_ = copy.deepcopy(first), torch.nn.Parameter(torch.eye(2))
    groups: list[dict[str, Any]] = [
        {"params": [first]},
        {"params": [matrix_], "orthogonal": True},
    ]
    ours = Muon(groups, lr=0.1, weight_decay=0.3)
    theirs = torch.optim.AdamW([second], lr=0.1, weight_decay=0.3)
    for seed in range(4):
        gradient = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed))
        first.grad, second.grad = gradient.clone(), gradient.clone()
        matrix_.grad = torch.ones(2, 2)
        ours.step()
        theirs.step()
    assert torch.equal(first, second)


def test_a_stored_state_goes_on_as_if_it_had_not_been() -> None:
    def take(optimizer: Muon, weights: list[torch.nn.Parameter], seeds: range) -> None:
        for seed in seeds:
            for weight in weights:
                generator = torch.Generator().manual_seed(seed)
                weight.grad = torch.randn(weight.shape, generator=generator)
            optimizer.step()

    def made() -> tuple[Muon, list[torch.nn.Parameter]]:
        weights = [torch.nn.Parameter(torch.ones(4, 2)), torch.nn.Parameter(torch.ones(3))]
        groups: list[dict[str, Any]] = [
            {"params": weights[:1], "orthogonal": True},
            {"params": weights[1:]},
        ]
        return Muon(groups, lr=0.1), weights

    whole, weights = made()
    take(whole, weights, range(6))
    half, begun = made()
    take(half, begun, range(3))
    rest, resumed = made()
    for old, new in zip(begun, resumed, strict=True):
        new.data.copy_(old.data)
    rest.load_state_dict(copy.deepcopy(half.state_dict()))
    take(rest, resumed, range(3, 6))
    for one, other in zip(weights, resumed, strict=True):
        assert torch.equal(one, other)
