"""The compiled layers against torch's own in float64: states and all gradients.

Tolerances: float32 with sums of at most 40 terms of size 1 is off by some 1e-6 of the largest.
"""

from itertools import product

import pytest
import torch
from torch import Tensor

from charloom.arithmetic.tiles import COLUMNS, ROWS, pack, pack_transposed
from charloom.learning import recurrence
from charloom.learning.cells import GATES
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


@pytest.mark.parametrize(("cell", "size", "reads_ids"), list(product(CELLS, SIZES, (True, False))))
def test_states_and_gradients_are_those_of_torch(
    cell: Cell, size: tuple[int, int, int], reads_ids: bool
) -> None:
    steps, streams, units = size
    symbols, gates = 6, GATES[cell] * units
    ids_TB = torch.randint(symbols, (steps, streams), generator=torch.Generator().manual_seed(1))
    source = random(*((symbols,) if reads_ids else (steps, streams)), gates, seed=2)
    leaves = [
        source,
        (random(gates, units, seed=3).detach() / units**0.5).requires_grad_(),
        random(units, seed=4),
        random(streams, units, seed=5),
        random(streams, units, seed=6),
    ]
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    given = ids_TB if reads_ids else None
    recurrent, bias, hidden, memory = leaves[1:]
    outputs = recurrence.run(
        cell,
        source,
        given,
        recurrent,
        bias if cell == "gru" else None,
        hidden,
        memory if cell == "lstm" else None,
    )
    made = [output for output in outputs if output is not None]
    assert (len(made) == 3) == (cell == "lstm")
    gates_TBG = torch.nn.functional.embedding(ids_TB, exact[0]) if reads_ids else exact[0]
    right = fused(cell, gates_TBG, *exact[1:])
    # Every output gets a gradient of its own, as if much came after it.
    for outputs_, leaves_ in ((made, leaves), (right, exact)):
        total = torch.zeros((), dtype=torch.float64)
        for number, output in enumerate(outputs_):
            weight = random(*output.shape, seed=7 + number).detach().double()
            total = total + (output.double() * weight).sum()
        total.backward()
        assert leaves_[0].grad is not None
    for value, oracle in zip(made, right, strict=True):
        torch.testing.assert_close(value.double(), oracle, rtol=1e-5, atol=2e-6)
    for leaf, oracle in zip(leaves, exact, strict=True):
        if oracle.grad is None:
            assert leaf.grad is None or not leaf.grad.any()
            continue
        assert leaf.grad is not None
        largest = float(oracle.grad.abs().max())
        torch.testing.assert_close(leaf.grad.double(), oracle.grad, rtol=1e-4, atol=1e-5 * largest)


@pytest.mark.parametrize("shape", [(1, 1), (5, COLUMNS), (7, COLUMNS + 1), (3, 5 * COLUMNS - 1)])
def test_panels_hold_the_matrix_column_by_column(shape: tuple[int, int]) -> None:
    matrix = random(*shape, seed=0).detach().numpy()
    panels = pack(matrix)
    joined = panels.transpose(1, 0, 2).reshape(shape[0], -1)
    assert (joined[:, : shape[1]] == matrix).all()
    assert not joined[:, shape[1] :].any()
    assert (pack_transposed(matrix.T.copy()) == panels).all()


def test_streams_beyond_whole_tiles_do_not_change_the_others() -> None:
    """Each stream alone gives what it gives among others, bit for bit: no sum is over streams."""
    streams, units = ROWS + 1, 8
    table, recurrent = random(5, 4 * units, seed=1), random(4 * units, units, seed=2)
    ids_TB = torch.randint(5, (9, streams), generator=torch.Generator().manual_seed(3))
    zeros = torch.zeros(streams, units)
    together, _, _ = recurrence.run("lstm", table, ids_TB, recurrent, None, zeros, zeros)
    for stream in range(streams):
        one = slice(stream, stream + 1)
        alone, _, _ = recurrence.run(
            "lstm", table, ids_TB[:, one].contiguous(), recurrent, None, zeros[one], zeros[one]
        )
        assert torch.equal(alone[:, 0], together[:, stream])


def test_a_graph_is_good_for_one_backward_pass() -> None:
    table = random(5, 4, seed=1)
    ids_TB, zeros = torch.zeros(3, 2, dtype=torch.int64), torch.zeros(2, 1)
    outputs, _, _ = recurrence.run("lstm", table, ids_TB, random(4, 1, seed=2), None, zeros, zeros)
    outputs.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward pass"):
        outputs.sum().backward()
