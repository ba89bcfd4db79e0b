"""torch layers: ids are equivalent to one-hot vectors."""

import pytest
import torch

from charloom.network.autograd.layers import Layer
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
