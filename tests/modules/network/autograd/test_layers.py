"""torch layers: initial parameters, and the equivalence of ids and one-hot vectors."""

import pytest
import torch

from charloom.network.autograd.layers import Layer
from charloom.network.reference import GATE_COUNTS
from charloom.settings import Cell

CELLS: tuple[Cell, ...] = ("lstm", "gru", "rnn")
SYMBOLS, HIDDEN = 6, 4


def random_layer(cell: Cell, *, one_hot: bool) -> Layer:
    torch.manual_seed(1)
    layer = Layer(cell, SYMBOLS, HIDDEN, one_hot=one_hot).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    return layer


@pytest.mark.parametrize("cell", CELLS)
def test_ids_equal_one_hot_vectors(cell: Cell) -> None:
    by_id, by_vector = random_layer(cell, one_hot=True), random_layer(cell, one_hot=False)
    state = {key: value for key, value in by_id.state_dict().items() if key != "input_table"}
    by_vector.load_state_dict(state | {"input_weight": by_id.input_table.detach().T})
    ids_TB = torch.randint(SYMBOLS, (5, 3))
    hidden, cell_state = torch.randn(2, 3, HIDDEN, dtype=torch.float64)
    initial = hidden, cell_state if cell == "lstm" else None
    vectors = torch.nn.functional.one_hot(ids_TB, SYMBOLS).double()
    result, expected = by_id(ids_TB, *initial), by_vector(vectors, *initial)
    for value, oracle in zip(result, expected, strict=True):
        assert (value is None) == (oracle is None)
        if value is not None:
            torch.testing.assert_close(value, oracle, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_initial_recurrent_weights_are_orthogonal_for_each_gate(cell: Cell) -> None:
    weight = Layer(cell, SYMBOLS, HIDDEN, one_hot=True).recurrent_weight.detach()
    assert weight.shape == (GATE_COUNTS[cell] * HIDDEN, HIDDEN)
    for gate in weight.split(HIDDEN):
        torch.testing.assert_close(gate @ gate.T, torch.eye(HIDDEN), rtol=0, atol=1e-5)


def test_the_initial_bias_opens_the_forget_gate_only() -> None:
    bias = Layer("lstm", SYMBOLS, HIDDEN, one_hot=True).bias.detach().view(4, HIDDEN)
    assert bias[1].eq(1).all()
    assert not bias[[0, 2, 3]].any()


def test_initial_input_weights_are_within_their_bound() -> None:
    weight = Layer("gru", 64, 32, one_hot=False).input_weight.detach()
    # 6,144 uniform values: none above 0.95 of the bound 1 / 8 with odds below 0.05 ** 6144.
    assert 0.95 / 8 < float(weight.abs().max()) <= 1 / 8
