"""The kernels of gradients, dropout and loss against NumPy.

``backprop.test_recurrent_layer`` has the backward pass of a layer, against torch.
"""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.kernels import backward
from charloom.network.kernels.forward import CELL_IDS, gather_gates
from charloom.settings import Cell

KEYS = np.array([0x12345678, 0x9ABCDEF0], np.uint32)
GATES: dict[Cell, tuple[int, int]] = {"lstm": (4, 5), "gru": (3, 4), "rnn": (1, 1)}
"""Gates and saved activations."""


def random(*shape: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("cell", GATES)
def test_scattered_gates_are_the_transpose_of_gathered_ones(cell: Cell) -> None:
    """<gather(table), grad> = <table, scatter(grad)> for a linear map and its transpose."""
    gates, saved = GATES[cell]
    hidden, symbols = 3, 5
    table = random(symbols, gates * hidden, seed=1)
    ids = np.random.default_rng(2).integers(0, symbols, (4, 6))
    gathered = np.zeros((4, 6, saved * hidden), np.float32)
    gather_gates(table, ids, gathered, CELL_IDS[cell])
    grad = random(*gathered.shape, seed=3)
    scattered = np.zeros_like(table)
    backward.scatter_add_gates(scattered, ids, grad, CELL_IDS[cell])
    expected = np.vdot(gathered.astype(float), grad)
    assert np.vdot(table.astype(float), scattered) == pytest.approx(expected, rel=1e-5)


def test_rows_are_added_to_those_of_their_symbols() -> None:
    table, rows = random(5, 3, seed=1), random(4, 6, 3, seed=3)
    ids = np.random.default_rng(2).integers(0, 5, (4, 6))
    expected = table.astype(float)
    np.add.at(expected, ids, rows)
    backward.scatter_add_rows(table, ids, rows)
    np.testing.assert_allclose(table, expected, rtol=0, atol=1e-5)


def test_rows_are_summed() -> None:
    values = random(20, 7, seed=1)
    np.testing.assert_allclose(backward.sum_rows(values), values.sum(0), rtol=0, atol=1e-5)


def test_unpadded_positions_are_those_of_the_mask() -> None:
    mask = np.random.default_rng(1).random((4, 3)) < 0.5
    targets = np.arange(12).reshape(4, 3)
    positions, ids = backward.unpadded_positions(mask, targets, 8)
    steps, sequences = mask.nonzero()
    assert positions.tolist() == (8 * steps + sequences).tolist()
    assert ids.tolist() == targets[mask].tolist()


@pytest.mark.parametrize("kept", [20_000, backward.DROPOUT_LEVELS])
def test_dropout_backward_is_the_transpose_of_forward(kept: int) -> None:
    values, rows = random(6, 5, seed=1), np.array([4, 0, 1])
    dropped = np.empty((3, 3, 5), np.float32)
    backward.dropout_forward(values, rows, KEYS, kept, dropped)
    scale = backward.DROPOUT_LEVELS / kept
    assert np.isin(dropped, [0, *(np.float32(scale) * values[rows]).reshape(-1)]).all()
    grad, result = random(*dropped.shape, seed=2), np.zeros_like(values)
    backward.dropout_backward(grad, rows, KEYS, kept, result)
    expected = np.vdot(dropped.astype(float), grad)
    assert np.vdot(values.astype(float), result) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("symbols", [2, 16, 37])
def test_cross_entropy_and_its_gradient_equal_float64(symbols: int) -> None:
    masks, targets = 2, np.array([1, 0, 1, 1])
    logits = 3 * random(masks * len(targets), symbols, seed=1)
    exact = logits.astype(float)
    probabilities = np.exp(exact) / np.exp(exact).sum(1, keepdims=True)
    one_hot = np.eye(symbols)[np.tile(targets, masks)]
    nats = backward.cross_entropy(logits, targets)
    expected = -np.log((probabilities * one_hot).sum(1)).sum() / masks
    assert nats == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(logits, (probabilities - one_hot) / masks, rtol=0, atol=1e-6)


def test_equal_logits_cost_the_logarithm_of_the_vocabulary_size() -> None:
    logits = np.full((3, 50), 1e4, np.float32)
    nats = backward.cross_entropy(logits, np.array([0, 7, 49]))
    assert nats == pytest.approx(3 * math.log(50), rel=1e-6)
