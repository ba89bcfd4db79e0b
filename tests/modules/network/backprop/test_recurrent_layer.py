"""One compiled layer against torch's own in float64: states and all gradients.

Tolerances: float32 sums of at most 40 terms of size 1 are off by about 1e-6 of the largest term.
Rounding to bfloat16 changes a number by at most 2**-9 of itself, and steps accumulate that.
"""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from charloom.network.backprop.recurrent_layer import Gates, LayerResult, RecurrentLayer
from charloom.network.kernels.gemm_fp32 import TILE_ROWS, padded_rows
from charloom.network.reference import GATE_COUNTS
from charloom.settings import Cell

CELLS: tuple[Cell, ...] = ("lstm", "gru", "rnn")
SIZES = ((1, 1, 1), (5, 3, 5), (7, 4, 16), (3, 9, 33), (12, 8, 40))
"""T time steps, B sequences, H units: below, at and above whole tiles."""


def random(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).requires_grad_()


def to_numpy(tensor: Tensor) -> np.ndarray:
    return np.asarray(tensor.detach().contiguous().numpy())


def torch_layer(
    cell: Cell,
    gates_TBG: Tensor,
    recurrent: Tensor,
    bias: Tensor,
    hidden: Tensor,
    cell_state: Tensor,
) -> tuple[Tensor, ...]:
    """Return the states of torch's own layer; a unit matrix passes the gates through."""
    units = hidden.shape[1]
    size = recurrent.shape[0]
    unit = torch.eye(size, dtype=torch.float64)
    zeros = torch.zeros(size, dtype=torch.float64)
    second = torch.cat([zeros[: 2 * units], bias]) if cell == "gru" else zeros
    weights, options = [unit, recurrent, zeros, second], (True, 1, 0.0, True, False, False)
    if cell == "lstm":
        outputs, last, last_cell = torch.lstm(
            gates_TBG, (hidden[None], cell_state[None]), weights, *options
        )
        return outputs, last[0], last_cell[0]
    run = torch.gru if cell == "gru" else torch.rnn_tanh
    outputs, last = run(gates_TBG, hidden[None], weights, *options)
    return outputs, last[0]


def forward(
    cell: Cell, leaves: list[Tensor], table: Tensor, ids_TB: Tensor, *, bf16: bool
) -> LayerResult:
    """Run a layer with one-hot input."""
    recurrent, bias, hidden, cell_BH = map(to_numpy, leaves)
    layer = RecurrentLayer(cell, recurrent, bias if cell == "gru" else None)
    steps, sequences = ids_TB.shape
    gates = Gates(cell, hidden.shape[1], steps=steps, sequences=sequences)
    gates.look_up(to_numpy(table), ids_TB.numpy())
    return layer.forward(gates, hidden, cell_BH if cell == "lstm" else None, bf16=bf16)


def padded(values_TBH: Tensor) -> np.ndarray:
    """Return values with padding sequences up to a whole tile, (M, H)."""
    steps, sequences, units = values_TBH.shape
    filled = np.zeros((steps, padded_rows(sequences), units), np.float32)
    filled[:, :sequences] = values_TBH.detach().numpy()
    return filled.reshape(-1, units)


def random_leaves(cell: Cell, size: tuple[int, int, int]) -> list[Tensor]:
    """Return recurrent weight and bias, initial hidden and cell state."""
    _, sequences, units = size
    return [
        (random(GATE_COUNTS[cell] * units, units, seed=3).detach() / units**0.5).requires_grad_(),
        random(units, seed=4),
        random(sequences, units, seed=5),
        random(sequences, units, seed=6),
    ]


@pytest.mark.parametrize(("cell", "size", "bf16"), list(product(CELLS, SIZES, (False, True))))
def test_states_and_gradients_equal_torch(
    cell: Cell, size: tuple[int, int, int], bf16: bool
) -> None:
    steps, sequences, units = size
    symbols, gates = 6, GATE_COUNTS[cell] * units
    ids_TB = torch.randint(symbols, (steps, sequences), generator=torch.Generator().manual_seed(1))
    table = random(symbols, gates, seed=2)
    leaves = random_leaves(cell, size)
    grad_TBH = random(steps, sequences, units, seed=7).detach()
    result = forward(cell, leaves, table, ids_TB, bf16=bf16)
    hidden_TBH = result.hidden_MH.reshape(steps, -1, units)[:, :sequences].copy()
    weight_grad = np.full((gates, units), np.nan, np.float32)
    bias_grad = np.full(units, np.nan, np.float32)
    own = {"recurrent_weight": weight_grad} | (
        {"recurrent_bias": bias_grad} if cell == "gru" else {}
    )
    grads = result.backward(padded(grad_TBH), own)
    table_grad = np.full((symbols, gates), np.nan, np.float32)
    grads.gates.write_table(ids_TB.numpy(), table_grad)
    gates_grad = grads.gates.of_products().reshape(steps, -1, gates)[:, :sequences]

    exact = [leaf.detach().double().requires_grad_() for leaf in (table, *leaves)]
    gates_TBG = torch.nn.functional.embedding(ids_TB, exact[0])
    gates_TBG.retain_grad()
    expected = torch_layer(cell, gates_TBG, *exact[1:])
    (expected[0] * grad_TBH.double()).sum().backward()

    states = [(hidden_TBH, expected[0]), (result.final_hidden_BH, expected[1])]
    pairs = [(weight_grad, exact[1].grad), (grads.hidden_BH, exact[3].grad)]
    pairs += [(table_grad, exact[0].grad), (gates_grad, gates_TBG.grad)]
    if cell == "lstm":
        states.append((result.final_cell_BH, expected[2]))
        pairs.append((grads.cell_BH, exact[4].grad))
    if cell == "gru":
        pairs.append((bias_grad, exact[2].grad))
    error = 0.03 if bf16 else 2e-6
    for value, oracle in states:
        torch.testing.assert_close(torch.from_numpy(value).double(), oracle, rtol=0, atol=error)
    for value, grad in pairs:
        assert grad is not None
        limit = (6 if bf16 else 10) * error * float(grad.abs().max())
        torch.testing.assert_close(torch.from_numpy(value).double(), grad, rtol=0, atol=limit)


@pytest.mark.parametrize("bf16", [False, True])
def test_a_sequence_does_not_depend_on_those_beside_it(bf16: bool) -> None:
    """Each sequence alone gives the same states as among others, bit for bit."""
    size = steps, sequences, units = 9, 8 * TILE_ROWS + 1, 8
    table = random(5, 4 * units, seed=1)
    ids_TB = torch.randint(5, (steps, sequences), generator=torch.Generator().manual_seed(3))
    leaves = random_leaves("lstm", size)

    def states(columns: slice) -> np.ndarray:
        part = [*leaves[:2], *(state[columns] for state in leaves[2:])]
        result = forward("lstm", part, table, ids_TB[:, columns].contiguous(), bf16=bf16)
        return result.hidden_MH.reshape(steps, -1, units)

    together = states(slice(None))
    for sequence in range(sequences):
        alone = states(slice(sequence, sequence + 1))
        assert (alone[:, 0] == together[:, sequence]).all()
