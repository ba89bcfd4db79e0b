"""Mixtures of probabilities against sums in double precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.network.mixture import Component, join_states, mix_logits, split_state
from charloom.network.reference import State

COMPONENTS = (
    Component(weight=0.7, ids_V=np.array([0, 1, 2, 3, 1]), labels_C=np.array([0])),
    Component(weight=0.3, ids_V=np.array([0, 1, 3, 1, 2]), labels_C=np.array([-1])),
)
"""The first network has three symbols, of which the second lacks one, and one of its own."""
LOGITS = st.lists(st.floats(-20, 20, width=32), min_size=4, max_size=4)


def softmax(logits: list[float]) -> list[float]:
    powers = [np.exp(np.float64(logit)) for logit in logits]
    return [power / sum(powers) for power in powers]


@given(LOGITS, LOGITS)
def test_probabilities_are_weighted_sums_in_which_a_missing_symbol_counts_0(
    first: list[float], second: list[float]
) -> None:
    p, q = softmax(first), softmax(second)
    expected = [
        0.7 * p[0] + 0.3 * q[0],
        0.7 * p[1] + 0.3 * q[1],
        0.7 * p[2] + 0.3 * q[3],
        0.7 * p[3],
        0.3 * q[2],
    ]
    logits = [np.array([row], np.float32) for row in (first, second)]
    found = np.exp(mix_logits(COMPONENTS, logits)[0].astype(np.float64))
    assert found == pytest.approx(expected, rel=3e-6)
    assert found.sum() == pytest.approx(1, rel=1e-5)


def test_a_row_does_not_depend_on_the_others() -> None:
    generator = np.random.default_rng(1)
    logits = [generator.normal(size=(7, 4)).astype(np.float32) for _ in COMPONENTS]
    together = mix_logits(COMPONENTS, logits)
    for b in range(7):
        alone = mix_logits(COMPONENTS, [rows[b : b + 1] for rows in logits])
        assert np.array_equal(alone[0], together[b])


def test_states_are_split_as_they_were_joined() -> None:
    states = [State(hidden=np.full((1, 3, h), h, np.float32), cell=None) for h in (2, 5)]
    joined = join_states(states)
    selected = split_state(joined.select(np.array([2, 0])))
    assert [state.hidden.shape for state in selected] == [(1, 2, 2), (1, 2, 5)]
    assert [state.others for state in split_state(joined)] == [(), ()]
