"""A state of one's own is converted, checked, and kept apart from its arrays."""

from typing import Any

import numpy as np
import pytest

from charloom.errors import SettingsError
from charloom.network.network_state import NetworkState
from charloom.network.reference import State
from charloom.settings import NetworkSettings

LSTM = NetworkSettings(cell="lstm", layers=2, hidden=3)
GRU = NetworkSettings(cell="gru", layers=2, hidden=3)
VALUES = [[1, 2, 3], [4, 5, 6]]
FORM = (
    "the hidden state is no array of numbers with two axes; give one of layers and hidden units, "
    "such as model.states(text).at(-1).hidden."
)


def test_lists_and_arrays_become_float32() -> None:
    array = np.array(VALUES, np.float64)
    state = NetworkState(hidden=VALUES, cell=array)  # type: ignore[arg-type]
    array[0, 0] = 9
    assert state.hidden.dtype == np.float32 and state.hidden.tolist() == VALUES
    assert state.cell is not None and state.cell.tolist() == VALUES, "a copy"
    with pytest.raises(ValueError, match="read-only"):
        state.hidden[0, 0] = 9
    assert state.to_dict() == {"hidden": VALUES, "cell": VALUES}


def test_a_batch_and_back() -> None:
    hidden_LBH = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    batch = State(hidden=hidden_LBH, cell=-hidden_LBH)
    state = NetworkState.from_batch(batch, 1)
    again = state.to_batch(LSTM)
    assert again.hidden.tolist() == hidden_LBH[:, 1:].tolist()
    assert again.cell is not None and again.cell.tolist() == (-hidden_LBH[:, 1:]).tolist()
    assert NetworkState.from_batch(State(hidden=hidden_LBH, cell=None)).to_batch(GRU).cell is None


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        ([1, 2, 3], FORM),
        ([[1, 2], [3]], FORM),
        ([["a"]], FORM),
        (None, FORM),
        ([[np.nan, 1]], "the hidden state holds NaN or infinity; give finite numbers."),
        ([[1e39, 1]], "the hidden state holds NaN or infinity; give finite numbers."),
    ],
)
def test_arrays_that_are_no_state_are_refused(hidden: Any, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        NetworkState(hidden=hidden)
    assert str(error.value) == message
    with pytest.raises(SettingsError) as error:
        NetworkState(hidden=VALUES, cell=hidden or [0.0])  # type: ignore[arg-type]
    assert str(error.value) == message.replace("hidden state", "cell state").replace(
        ".hidden.", ".cell."
    )


@pytest.mark.parametrize(
    ("settings", "state", "message"),
    [
        (
            GRU,
            {"hidden": [[1, 2, 3]]},
            "the hidden state has the shape (1, 3); this network needs (2, 3): layers and hidden "
            "units.",
        ),
        (
            LSTM,
            {"hidden": VALUES, "cell": [[1, 2, 3]]},
            "the cell state has the shape (1, 3); this network needs (2, 3): layers and hidden "
            "units.",
        ),
        (
            LSTM,
            {"hidden": VALUES},
            "the state was given without a cell state, and this network, lstm, needs one.",
        ),
        (
            GRU,
            {"hidden": VALUES, "cell": VALUES},
            "the state was given with a cell state, and this network, gru, has none; leave it out.",
        ),
    ],
)
def test_a_state_of_another_network_is_refused(
    settings: NetworkSettings, state: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as error:
        NetworkState(**state).to_batch(settings)
    assert str(error.value) == message
