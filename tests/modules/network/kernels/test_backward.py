"""The kernels of gradients against NumPy.

``backprop.test_recurrent_layer`` has the backward pass of a layer, against torch.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.kernels import backward
from charloom.network.kernels.forward import CELL_IDS, gather_gates
from charloom.settings import Cell

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
