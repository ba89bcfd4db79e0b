"""The compiled layers against torch's own in float64: states and all gradients.

Tolerances: float32 with sums of at most 40 terms of size 1 is off by some 1e-6 of the largest. A
number that is rounded to bfloat16 is off by 2**-9 of itself at most; steps carry that on.
"""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from charloom.network.autograd.layers import GATES
from charloom.network.backprop.matmul import to_numpy
from charloom.network.backprop.recurrent_layer import RecurrentLayer
from charloom.network.kernels.gemm_fp32 import (
    TILE_COLUMNS,
    TILE_ROWS,
    pack,
    pack_transposed,
    padded_rows,
)
from charloom.settings import Cell

CELLS: tuple[Cell, ...] = ("lstm", "gru", "rnn")
SIZES = ((1, 1, 1), (5, 3, 5), (7, 4, 16), (3, 9, 33), (12, 8, 40))
"""T steps, B streams, H units: below, at and above the borders of tiles."""


def random(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).requires_grad_()


def fused(
    cell: Cell, gates_TBG: Tensor, recurrent: Tensor, bias: Tensor, hidden: Tensor, memory: Tensor
) -> tuple[Tensor, ...]:
    """Return states of torch's own layer, to which the gates come through a unit matrix."""
    units = hidden.shape[1]
    size = recurrent.shape[0]
    unit = torch.eye(size, dtype=torch.float64)
    zeros = torch.zeros(size, dtype=torch.float64)
    second = torch.cat([zeros[: 2 * units], bias]) if cell == "gru" else zeros
    weights, options = [unit, recurrent, zeros, second], (True, 1, 0.0, True, False, False)
    if cell == "lstm":
        outputs, last, last_memory = torch.lstm(
            gates_TBG, (hidden[None], memory[None]), weights, *options
        )
        return outputs, last[0], last_memory[0]
    run = torch.gru if cell == "gru" else torch.rnn_tanh
    outputs, last = run(gates_TBG, hidden[None], weights, *options)
    return outputs, last[0]


def layer(cell: Cell, leaves: list[Tensor], steps: int, *, rounded: bool) -> RecurrentLayer:
    recurrent, bias, hidden, memory = map(to_numpy, leaves)
    return RecurrentLayer(
        cell,
        recurrent,
        bias if cell == "gru" else None,
        steps=steps,
        hidden_BH=hidden,
        cell_BH=memory if cell == "lstm" else None,
        bf16=rounded,
    )


def rows(values_TBH: Tensor) -> np.ndarray:
    """Return values with streams that fill up the last tile, (M, H)."""
    steps, streams, units = values_TBH.shape
    filled = np.zeros((steps, padded_rows(streams), units), np.float32)
    filled[:, :streams] = values_TBH.detach().numpy()
    return filled.reshape(-1, units)


@pytest.mark.parametrize(("cell", "size", "rounded"), list(product(CELLS, SIZES, (False, True))))
def test_states_and_gradients_are_those_of_torch(
    cell: Cell, size: tuple[int, int, int], rounded: bool
) -> None:
    steps, streams, units = size
    symbols, gates = 6, GATES[cell] * units
    ids_TB = torch.randint(symbols, (steps, streams), generator=torch.Generator().manual_seed(1))
    table = random(symbols, gates, seed=2)
    leaves = [
        (random(gates, units, seed=3).detach() / units**0.5).requires_grad_(),
        random(units, seed=4),
        random(streams, units, seed=5),
        random(streams, units, seed=6),
    ]
    given_TBH = random(steps, streams, units, seed=7).detach()
    made = layer(cell, leaves, steps, rounded=rounded)
    made.look_up_gates(to_numpy(table), ids_TB.numpy())
    hidden_TBH = made.forward().reshape(steps, -1, units)[:, :streams].copy()
    last = [state.copy() for state in made.final_state]
    weight_grad, bias_grad, *first_grads = made.backward(rows(given_TBH))
    table_grad = made.grad_table(ids_TB.numpy(), symbols)
    source_grad = made.grad_gates().reshape(steps, -1, gates)[:, :streams]

    exact = [leaf.detach().double().requires_grad_() for leaf in (table, *leaves)]
    gates_TBG = torch.nn.functional.embedding(ids_TB, exact[0])
    gates_TBG.retain_grad()
    right = fused(cell, gates_TBG, *exact[1:])
    (right[0] * given_TBH.double()).sum().backward()

    states = [(hidden_TBH, right[0]), (last[0], right[1])]
    grads = [(weight_grad, exact[1].grad), (first_grads[0], exact[3].grad)]
    grads += [(table_grad, exact[0].grad), (source_grad, gates_TBG.grad)]
    if cell == "lstm":
        states.append((last[1], right[2]))
        grads.append((first_grads[1], exact[4].grad))
    if cell == "gru":
        assert bias_grad is not None
        grads.append((bias_grad, exact[2].grad))
    error = 0.03 if rounded else 2e-6
    for value, oracle in states:
        torch.testing.assert_close(torch.from_numpy(value).double(), oracle, rtol=0, atol=error)
    for value, oracle in grads:
        assert oracle is not None
        limit = (6 if rounded else 10) * error * float(oracle.abs().max())
        torch.testing.assert_close(torch.from_numpy(value).double(), oracle, rtol=0, atol=limit)


@pytest.mark.parametrize(
    "shape", [(1, 1), (5, TILE_COLUMNS), (7, TILE_COLUMNS + 1), (3, 5 * TILE_COLUMNS - 1)]
)
def test_panels_hold_the_matrix_column_by_column(shape: tuple[int, int]) -> None:
    matrix = random(*shape, seed=0).detach().numpy()
    panels = pack(matrix)
    joined = panels.transpose(1, 0, 2).reshape(shape[0], -1)
    assert (joined[:, : shape[1]] == matrix).all()
    assert not joined[:, shape[1] :].any()
    assert (pack_transposed(matrix.T.copy()) == panels).all()


@pytest.mark.parametrize("rounded", [False, True])
def test_streams_beyond_whole_tiles_do_not_change_the_others(rounded: bool) -> None:
    """Each stream alone gives what it gives among others, bit for bit: no sum is over streams."""
    steps, streams, units = 9, 8 * TILE_ROWS + 1, 8
    table = to_numpy(random(5, 4 * units, seed=1))
    ids_TB = torch.randint(5, (steps, streams), generator=torch.Generator().manual_seed(3)).numpy()

    def states(ids_TB: np.ndarray) -> np.ndarray:
        zeros = torch.zeros(ids_TB.shape[1], units)
        leaves = [random(4 * units, units, seed=2), torch.zeros(units), zeros, zeros]
        made = layer("lstm", leaves, steps, rounded=rounded)
        made.look_up_gates(table, ids_TB)
        return made.forward().reshape(steps, -1, units)

    together = states(ids_TB)
    for stream in range(streams):
        alone = states(np.ascontiguousarray(ids_TB[:, stream : stream + 1]))
        assert (alone[:, 0] == together[:, stream]).all()
