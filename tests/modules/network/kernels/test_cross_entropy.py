"""The loss and its gradient against NumPy in float64."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.kernels.cross_entropy import cross_entropy


def random(*shape: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("symbols", [2, 16, 37])
def test_cross_entropy_and_its_gradient_equal_float64(symbols: int) -> None:
    masks, targets = 2, np.array([1, 0, 1, 1])
    logits = 3 * random(masks * len(targets), symbols, seed=1)
    exact = logits.astype(float)
    probabilities = np.exp(exact) / np.exp(exact).sum(1, keepdims=True)
    one_hot = np.eye(symbols)[np.tile(targets, masks)]
    nats = cross_entropy(logits, targets)
    expected = -np.log((probabilities * one_hot).sum(1)).sum() / masks
    assert nats == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(logits, (probabilities - one_hot) / masks, rtol=0, atol=1e-6)


def test_equal_logits_cost_the_logarithm_of_the_vocabulary_size() -> None:
    logits = np.full((3, 50), 1e4, np.float32)
    nats = cross_entropy(logits, np.array([0, 7, 49]))
    assert nats == pytest.approx(3 * math.log(50), rel=1e-6)
