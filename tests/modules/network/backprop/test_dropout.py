"""Dropout: single masks, all masks together, and their gradient."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from networks import random_tensors
from numpy.typing import NDArray
from torch import Tensor

from charloom.network.autograd.loss import summed_nats
from charloom.network.autograd.module import Network
from charloom.network.backprop.batch import Batch
from charloom.network.backprop.dropout import (
    MAX_EXTRA_COST,
    MAX_MASKS,
    DropoutMask,
    mask_count,
    torch_dropout,
)
from charloom.settings import NetworkSettings

PROBABILITIES = [0.1, 0.35, 0.5, 0.6, 0.9]
probabilities = pytest.mark.parametrize("p", PROBABILITIES)

Dropout = Callable[[Tensor, float, int, int], Tensor]
"""Returns values under some masks: (values, p, masks, seed)."""


def by_torch(values: Tensor, p: float, count: int, seed: int = 1) -> Tensor:
    return torch_dropout(values, p, torch.Generator().manual_seed(seed), count)


def compiled(values: Tensor, p: float, count: int, seed: int = 1) -> Tensor:
    result = np.empty((count, *values.shape), np.float32)
    DropoutMask(p, seed << 32).forward(values.detach().numpy(), np.arange(len(values)), result)
    return torch.from_numpy(result)


implementations = pytest.mark.parametrize("dropout", [by_torch, compiled])


@implementations
@probabilities
@pytest.mark.parametrize("count", [1, 3, 8])
def test_each_mask_is_that_of_ordinary_dropout(dropout: Dropout, p: float, count: int) -> None:
    values = torch.linspace(1, 2, 40_000).view(200, 200)
    for result in dropout(values, p, count, 1):
        kept = result != 0
        # The fraction of 40,000 coins is off by more than 0.0125 with odds below 1 in 10**6.
        assert float(kept.double().mean()) == pytest.approx(1 - p, abs=0.0125)
        assert torch.allclose(result[kept], values[kept] / (1 - p), rtol=1e-4)
        # Neighbours are dropped independently of each other, in rows and in columns.
        for pairs in (kept[:, 1:] & kept[:, :-1], kept[1:] & kept[:-1]):
            assert float(pairs.double().mean()) == pytest.approx((1 - p) ** 2, abs=0.02)


@implementations
@probabilities
def test_all_masks_together_keep_every_value_equally_often(dropout: Dropout, p: float) -> None:
    values = torch.ones(100, 100)
    for count in (2, 4, 5):
        times = (dropout(values, p, count, 1) != 0).sum(0)
        expected = count * (1 - p)
        # One of the 65,536 random values at the edge of a stratum may fall into the next.
        beyond = (times < int(expected)) | (times > -int(-expected // 1))
        assert float(beyond.double().mean()) < 0.001
        assert float(times.double().mean()) == pytest.approx(expected, abs=0.05)


@probabilities
def test_the_gradient_passes_kept_values_only(p: float) -> None:
    values = torch.rand(7, 9).add_(1)
    result = compiled(values, p, 3)
    grad = torch.rand_like(result)
    before = torch.rand(7, 9)
    gradient = before.clone()
    DropoutMask(p, 1 << 32).backward(grad.numpy(), np.arange(7), gradient.numpy())
    expected = before + (grad * result / values).sum(0)
    assert torch.allclose(gradient, expected, rtol=1e-4)


@implementations
def test_the_seed_decides(dropout: Dropout) -> None:
    values = torch.ones(10, 10)
    assert torch.equal(dropout(values, 0.5, 2, 1), dropout(values, 0.5, 2, 1))
    assert not torch.equal(dropout(values, 0.5, 2, 1), dropout(values, 0.5, 2, 2))


def test_a_generator_draws_new_masks_each_time() -> None:
    values, generator = torch.ones(10, 10), torch.Generator().manual_seed(1)
    assert not torch.equal(
        torch_dropout(values, 0.5, generator), torch_dropout(values, 0.5, generator)
    )


def test_masks_of_different_seeds_are_independent() -> None:
    """Seeds differ in either half. Independent masks with p = 0.5 agree at half of the values."""
    values = torch.ones(200, 200)
    masks_ = [
        torch.from_numpy(dropped_once(values.numpy(), seed)) != 0
        for seed in (0, 1, 2, 1 << 32, 1 << 62, (1 << 62) + 1, 0x1234_5678_9ABC_DEF0)
    ]
    for first, second in itertools.combinations(masks_, 2):
        # Off by more than 0.0125 with odds below 1 in 10**6.
        assert float((first == second).double().mean()) == pytest.approx(0.5, abs=0.0125)


def dropped_once(values: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    result = np.empty((1, *values.shape), np.float32)
    DropoutMask(0.5, seed).forward(values, np.arange(len(values)), result)
    whole: NDArray[np.float32] = result[0]
    return whole


def test_the_number_of_masks_grows_with_p() -> None:
    counts = [mask_count(p / 100, 0.01) for p in range(100)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (1, MAX_MASKS)


@pytest.mark.parametrize("cost", [0.02, 0.05, 0.16, 0.3, 1.0, 20.0])
def test_more_masks_cost_at_most_the_limit(cost: float) -> None:
    for p in PROBABILITIES:
        assert (mask_count(p, cost) - 1) * cost <= MAX_EXTRA_COST + 1e-9


def network_of(units: int) -> Network:
    """Return a network of five symbols with dropout 0.6 and weights other than zero."""
    settings = NetworkSettings(hidden=units, input=3, dropout=0.6)
    network = Network(settings, vocabulary_size=5)
    network.load(random_tensors(settings, 5, seed=3))
    return network


def test_the_loss_is_the_mean_over_the_masks() -> None:
    torch.manual_seed(3)
    network = network_of(20)
    ids_TB = torch.randint(5, (6, 4))
    batch = Batch(
        inputs_TB=ids_TB,
        targets_TB=ids_TB.roll(-1, 0),
        mask_TB=torch.ones(6, 4, dtype=torch.bool),
        labels_B=torch.full((4,), -1),
        starts=True,
        symbols=24,
        characters=24,
    )
    state = network.initial_state(batch.labels_B)
    with torch.no_grad():
        nats, _ = summed_nats(network, batch, state, torch.Generator().manual_seed(1))
        hidden_TBH, _ = network(ids_TB, state)
        under = by_torch(hidden_TBH.flatten(0, 1), 0.6, 4)
        each = [
            torch.nn.functional.cross_entropy(
                network.logits(one), batch.targets_TB.flatten(), reduction="sum"
            )
            for one in under
        ]
    assert len(each) == 4
    assert len({round(float(one), 3) for one in each}) == 4
    assert float(nats) == pytest.approx(sum(map(float, each)) / 4, rel=1e-5)


def test_nothing_is_dropped_in_evaluation_mode() -> None:
    network = network_of(8).eval()
    hidden_NH = torch.rand(7, 8)
    with torch.no_grad():
        assert torch.equal(network.masked_logits(hidden_NH), network.logits(hidden_NH).unsqueeze(0))
