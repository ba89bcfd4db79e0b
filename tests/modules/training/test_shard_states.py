"""Gathered states have the order of the minibatch for any number of shards."""

import pytest
import torch

from charloom.network.autograd.module import State
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.shard_states import gather_states, scatter_states

CPU = torch.device("cpu")


def states_of(sequences: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return different hidden and cell states of two layers of five units."""
    hidden_LBH = torch.arange(2.0 * sequences * 5).reshape(2, sequences, 5)
    return hidden_LBH, -hidden_LBH


@pytest.mark.parametrize("sequences", [1, 2, 5, 12])
@pytest.mark.parametrize("lstm", [True, False])
def test_states_of_three_shards_are_scattered_to_two(sequences: int, lstm: bool) -> None:
    hidden_LBH, cell_LBH = states_of(sequences)
    three = [
        State(hidden_LBH[:, k::3], cell_LBH[:, k::3] if lstm else None)
        for k in range(min(3, sequences))
    ]
    whole = gather_states(three, 3)
    hidden, cell = whole["hidden_LBH"], whole["cell_LBH"]
    assert hidden is not None
    assert torch.equal(hidden, hidden_LBH)
    assert (cell is not None) == lstm
    assert cell is None or torch.equal(cell, cell_LBH)
    two = scatter_states(whole, 2, process=SINGLE_PROCESS, device=CPU)
    assert len(two) == min(2, sequences)
    for k, state in enumerate(two):
        assert torch.equal(state.hidden_LBH, hidden_LBH[:, k::2])
        assert (state.cell_LBH is not None) == lstm
        assert state.cell_LBH is None or torch.equal(state.cell_LBH, cell_LBH[:, k::2])


def test_a_process_gets_the_states_of_its_sequences() -> None:
    hidden_LBH, cell_LBH = states_of(7)
    whole = {"hidden_LBH": hidden_LBH, "cell_LBH": cell_LBH}
    process = ProcessInfo(rank=1, world_size=3)
    first, second = scatter_states(whole, 4, process=process, device=CPU)
    # Process 1 of 3 has the sequences 1 and 4.
    for state, sequence in ((first, 1), (second, 4)):
        assert torch.equal(state.hidden_LBH, hidden_LBH[:, [sequence]])
        assert state.cell_LBH is not None
        assert torch.equal(state.cell_LBH, cell_LBH[:, [sequence]])


def test_no_states_are_scattered_to_no_shard() -> None:
    whole = {"hidden_LBH": None, "cell_LBH": None}
    assert scatter_states(whole, 3, process=SINGLE_PROCESS, device=CPU) == []
