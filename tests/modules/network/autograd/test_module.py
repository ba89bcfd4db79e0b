"""The torch network: initial states and logits, embeddings, states of some sequences."""

import pytest
import torch
from networks import random_tensors

from charloom.network.autograd.module import Network, State
from charloom.settings import NetworkSettings


def test_initial_states_are_those_of_the_labels() -> None:
    settings = NetworkSettings(cell="lstm", hidden=4, layers=2)
    network = Network(settings, 5, 3)
    network.load(random_tensors(settings, 5, 3))
    state = network.initial_state(torch.tensor([2, -1, 0]))
    assert state.cell_LBH is not None
    for states, table in (
        (state.hidden_LBH, network.labels.hidden),
        (state.cell_LBH, network.labels.cell),
    ):
        assert torch.equal(states[:, 0], table[2])
        assert torch.equal(states[:, 2], table[0])
        assert not states[:, 1].any()


@pytest.mark.parametrize("positions", [3, 40])
def test_projecting_symbols_or_positions_gives_the_same_states(positions: int) -> None:
    """Fewer positions than the 20 symbols are projected one by one."""
    settings = NetworkSettings(cell="gru", hidden=4, input=3)
    network = Network(settings, 20)
    network.load(random_tensors(settings, 20, seed=1))
    network = network.double().eval()
    ids_TB = torch.randint(20, (positions, 1))
    state = network.initial_state(torch.tensor([-1]))
    hidden_TBH, _ = network(ids_TB, state)
    vectors = network.embedding(ids_TB)
    expected, _, _ = network.cells[0](vectors, state.hidden_LBH[0], None)
    torch.testing.assert_close(hidden_TBH, expected, rtol=0, atol=1e-12)


def test_the_first_sequences_of_a_state_are_kept() -> None:
    hidden = torch.arange(12.0).view(2, 3, 2)
    first = State(hidden, hidden + 100).first_sequences(2)
    assert torch.equal(first.hidden_LBH, hidden[:, :2])
    assert first.cell_LBH is not None
    assert torch.equal(first.cell_LBH, hidden[:, :2] + 100)
    assert State(hidden, None).first_sequences(1).cell_LBH is None
