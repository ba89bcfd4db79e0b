"""Rows and single transitions, against a dense table."""

import numpy as np
import pytest

from charloom.generation.sparse_automaton import SparseAutomaton, ranges

DEFAULT_DV = np.array([[-1, 0, 1, 2], [-1, 3, 3, 3]])
BASE_F = np.array([0, 1, 0, 1])
DENSE_FV = np.array([[-1, 0, 1, 2], [-1, 0, 3, -1], [-1, 0, 1, 0], [-1, 3, 3, 3]])


@pytest.fixture
def automaton() -> SparseAutomaton:
    """Return an automaton from exceptions in no order, one of them twice and one without effect."""
    entries = [(1, 3, -1), (2, 3, 0), (1, 1, 0), (2, 3, 1), (3, 2, 3)]
    states, symbols, targets = map(np.array, zip(*entries, strict=True))
    return SparseAutomaton.from_exceptions(
        DEFAULT_DV, BASE_F, np.ones(4, np.bool_), 4 * states + symbols, targets
    )


def test_rows_and_single_steps_are_those_of_the_dense_table(automaton: SparseAutomaton) -> None:
    states = np.array([2, 0, 1, 1, 3])
    assert automaton.rows(states).tolist() == DENSE_FV[states].tolist()
    for symbol in range(4):
        ids = np.full(5, symbol)
        assert automaton.next_states(states, ids).tolist() == DENSE_FV[states, symbol].tolist()
    assert len(automaton) == 4
    assert len(automaton.symbols_E) == 3
    assert automaton.offsets_F1.tolist() == [0, 0, 2, 3, 3]


def test_exceptions_are_found_by_state_and_symbol(automaton: SparseAutomaton) -> None:
    found = automaton.has_exception(np.arange(4), 3)
    assert found.tolist() == [False, True, True, False]


def test_an_automaton_without_exceptions_has_its_default_rows() -> None:
    none = np.empty(0, np.int64)
    made = SparseAutomaton.from_exceptions(DEFAULT_DV, BASE_F, np.ones(4, np.bool_), none, none)
    assert made.rows(np.arange(4)).tolist() == DEFAULT_DV[BASE_F].tolist()
    assert made.next_states(np.arange(4), np.full(4, 2)).tolist() == [1, 3, 1, 3]
    assert not made.has_exception(np.arange(4), 2).any()


def test_symbols_are_reordered_and_dropped(automaton: SparseAutomaton) -> None:
    made = automaton.reorder(np.array([-1, 4, -1, 2]), 5)
    rows = made.rows(np.arange(4))
    assert rows[:, [4, 2]].tolist() == DENSE_FV[:, [1, 3]].tolist()
    assert (rows[:, [0, 1, 3]] == -1).all()


def test_ranges_follow_one_another() -> None:
    found = ranges(np.array([3, 7, 0]), np.array([2, 0, 3]))
    assert found.tolist() == [3, 4, 0, 1, 2]
    assert ranges(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []
