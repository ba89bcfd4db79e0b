"""Dropout masks on a CPU: single masks, all masks together, and their gradient."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.dropout import Dropout

probabilities = pytest.mark.parametrize("p", [0.1, 0.35, 0.5, 0.6, 0.9])
Floats = NDArray[np.float32]


def mask_of(p: float, seed: int, rows: int, depth: int = 0) -> DropoutMask:
    numbers_N = np.arange(rows)
    return DropoutMask.of_layer(Dropout(p, seed), depth, numbers_N, numbers_N)


def dropped(values: Floats, p: float, count: int, seed: int = 1, depth: int = 0) -> Floats:
    result = np.empty((count, *values.shape), np.float32)
    mask_of(p, seed, len(values), depth).forward(values, result)
    return result


@probabilities
@pytest.mark.parametrize("count", [1, 3, 8])
def test_each_mask_is_that_of_ordinary_dropout(p: float, count: int) -> None:
    values = np.linspace(1, 2, 40_000, dtype=np.float32).reshape(200, 200)
    for result in dropped(values, p, count):
        kept = result != 0
        # The fraction of 40,000 coins is off by more than 0.0125 with odds below 1 in 10**6.
        assert kept.mean() == pytest.approx(1 - p, abs=0.0125)
        np.testing.assert_allclose(result[kept], values[kept] / (1 - p), rtol=1e-4)
        # Neighbors are dropped independently of each other, in rows and in columns.
        for pairs in (kept[:, 1:] & kept[:, :-1], kept[1:] & kept[:-1]):
            assert pairs.mean() == pytest.approx((1 - p) ** 2, abs=0.02)


@probabilities
def test_all_masks_together_keep_every_value_equally_often(p: float) -> None:
    values = np.ones((100, 100), np.float32)
    for count in (2, 4, 5):
        times = (dropped(values, p, count) != 0).sum(0)
        expected = count * (1 - p)
        # One of the 65,536 random values at the edge of a stratum may fall into the next.
        beyond = (times < int(expected)) | (times > -int(-expected // 1))
        assert beyond.mean() < 0.001
        assert times.mean() == pytest.approx(expected, abs=0.05)


@probabilities
def test_the_gradient_passes_kept_values_only(p: float) -> None:
    random = np.random.default_rng(0)
    values = 1 + random.random((7, 9), np.float32)
    result = dropped(values, p, 3)
    grad = random.random(result.shape, np.float32)
    before = random.random((7, 9), np.float32)
    gradient = before.copy()
    mask_of(p, 1, 7).backward(grad, gradient)
    np.testing.assert_allclose(gradient, before + (grad * result / values).sum(0), rtol=1e-4)


def test_masks_of_other_seeds_and_layers_are_independent() -> None:
    """Seeds differ in either half. Independent masks with p = 0.5 agree at half of the values."""
    values = np.ones((200, 200), np.float32)
    seeds = [0, 1, 2, 1 << 32, 1 << 62, (1 << 62) + 1, 0x1234_5678_9ABC_DEF0]
    masks = [dropped(values, 0.5, 1, seed) != 0 for seed in seeds]
    masks += [dropped(values, 0.5, 1, 0, depth) != 0 for depth in (1, 2)]
    assert (masks[0] == (dropped(values, 0.5, 1, 0) != 0)).all(), "the seed decides"
    for first, second in itertools.combinations(masks, 2):
        # Off by more than 0.0125 with odds below 1 in 10**6, for each of 36 pairs.
        assert (first == second).mean() == pytest.approx(0.5, abs=0.0125)


def test_the_number_of_a_row_decides_and_not_its_place() -> None:
    values = np.ones((12, 30), np.float32)
    whole = dropped(values, 0.5, 2)
    rows_N = np.array([7, 2, 11])
    part = np.empty((2, 3, 30), np.float32)
    DropoutMask.of_layer(Dropout(0.5, 1), 0, np.arange(3), rows_N).forward(values[:3], part)
    assert (part == whole[:, rows_N]).all()
