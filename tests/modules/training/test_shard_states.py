"""Gathered states have the order of the minibatch for any number of shards."""

import numpy as np
import pytest

from charloom.network.parameters import Floats
from charloom.network.reference import State
from charloom.settings import NetworkSettings
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.shard_states import gather_states, no_states, scatter_states


def states_of(sequences: int) -> tuple[Floats, Floats]:
    """Return different hidden and cell states of two layers of five units."""
    hidden_LBH = np.arange(2 * sequences * 5, dtype=np.float32).reshape(2, sequences, 5)
    return hidden_LBH, -hidden_LBH


@pytest.mark.parametrize("sequences", [1, 2, 5, 12])
@pytest.mark.parametrize("lstm", [True, False])
def test_states_of_three_shards_are_scattered_to_two(sequences: int, lstm: bool) -> None:
    hidden_LBH, cell_LBH = states_of(sequences)
    three = [
        State(hidden=hidden_LBH[:, k::3], cell=cell_LBH[:, k::3] if lstm else None)
        for k in range(min(3, sequences))
    ]
    whole = gather_states(three, 3)
    hidden, cell = whole["hidden_LBH"], whole["cell_LBH"]
    assert hidden is not None
    assert np.array_equal(hidden, hidden_LBH)
    assert (cell is not None) == lstm
    assert cell is None or np.array_equal(cell, cell_LBH)
    two = scatter_states(whole, 2, SINGLE_PROCESS)
    assert len(two) == min(2, sequences)
    for k, state in enumerate(two):
        assert np.array_equal(state.hidden, hidden_LBH[:, k::2])
        assert (state.cell is not None) == lstm
        assert state.cell is None or np.array_equal(state.cell, cell_LBH[:, k::2])


def test_a_process_gets_the_states_of_its_sequences() -> None:
    hidden_LBH, cell_LBH = states_of(7)
    whole = {"hidden_LBH": hidden_LBH, "cell_LBH": cell_LBH}
    first, second = scatter_states(whole, 4, ProcessInfo(rank=1, world_size=3))
    # Process 1 of 3 has the sequences 1 and 4.
    for state, sequence in ((first, 1), (second, 4)):
        assert np.array_equal(state.hidden, hidden_LBH[:, [sequence]])
        assert state.cell is not None
        assert np.array_equal(state.cell, cell_LBH[:, [sequence]])
        assert state.hidden.flags.c_contiguous and state.cell.flags.c_contiguous


def test_no_states_are_scattered_to_no_shard() -> None:
    assert scatter_states({"hidden_LBH": None, "cell_LBH": None}, 3, SINGLE_PROCESS) == []


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_process_without_sequences_has_states_of_none(cell: str) -> None:
    settings = NetworkSettings(cell=cell, hidden=5, layers=2, input=3)  # type: ignore[arg-type]
    states = no_states(settings)
    shapes = {key: None if value is None else value.shape for key, value in states.items()}
    assert shapes == {"hidden_LBH": (2, 0, 5), "cell_LBH": (2, 0, 5) if cell == "lstm" else None}
    assert scatter_states(states, 3, SINGLE_PROCESS) == []
