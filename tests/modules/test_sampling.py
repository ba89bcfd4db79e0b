"""From logits to ids, against sums and products over plain numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.generation.sampling import Truncation, choose, cost, divisor, probabilities, surprisal

LOGITS = [0.5, -1.25, 3.0, 2.0, -40.0]
GREEDY = Truncation(temperature=0)
ALLOWED = np.array([True, True, False, True, True])

logits_lists = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20)


def softmax(logits: list[float], temperature: float) -> list[float]:
    weights = [math.exp((logit - max(logits)) / temperature) for logit in logits]
    return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.8, 100.0])
def test_probabilities_are_the_softmax(temperature: float) -> None:
    rows = [LOGITS, [logit + 500 for logit in reversed(LOGITS)]]
    result = probabilities(np.array(rows), temperature)
    for row, logits in enumerate(rows):
        assert result[row] == pytest.approx(softmax(logits, temperature), rel=1e-13)


def test_what_is_not_allowed_has_probability_zero_and_the_rest_is_scaled_up() -> None:
    result = probabilities(np.array([LOGITS]), 1.0, ALLOWED)[0]
    expected = softmax([logit for k, logit in enumerate(LOGITS) if k != 2], 1.0)
    assert result[2] == 0
    assert result[ALLOWED] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-5])
def test_a_tiny_temperature_takes_the_best(temperature: float) -> None:
    """Dividing by it overflows, quietly (warnings fail this suite)."""
    assert probabilities(np.array([LOGITS]), temperature).tolist() == [[0, 0, 1, 0, 0]]


def test_a_huge_temperature_is_nearly_even() -> None:
    assert probabilities(np.array([LOGITS]), 1e300)[0] == pytest.approx([0.2] * 5)


def test_the_best_symbol_at_temperature_zero() -> None:
    logits = np.array([LOGITS, LOGITS[::-1]])
    assert choose(logits, GREEDY, np.array([0.9, 0.9])).tolist() == [2, 2]
    assert choose(np.where(ALLOWED, logits, -np.inf), GREEDY, np.array([0.9, 0.9])).tolist() == [
        3,
        1,
    ]


def test_ties_go_to_the_lowest_id() -> None:
    logits = np.array([[1.0, 2.0, 2.0, 1.5], [2.0, 1.0, 2.0, 2.5]])
    assert choose(logits, GREEDY, np.array([0.9, 0.9])).tolist() == [1, 3]


def test_a_temperature_below_float32_still_divides() -> None:
    assert divisor(5e-324) > 0
    assert choose(
        np.array([LOGITS]), Truncation(temperature=5e-324), np.array([0.999])
    ).tolist() == [2]


def test_uniforms_cut_the_unit_interval_in_the_order_of_the_ids() -> None:
    logits = np.log([[0.125, 0.25, 0.5, 0.125]])
    edges = {0.0: 0, 0.1249: 0, 0.1251: 1, 0.3749: 1, 0.3751: 2, 0.8749: 2, 0.8751: 3}
    for value, expected in edges.items():
        assert choose(logits, Truncation(), np.array([value])).tolist() == [expected]
    assert choose(logits, Truncation(), np.array([1 - 2.0**-53])).tolist() == [3]


def test_each_stream_has_its_own_uniform() -> None:
    logits = np.log(np.tile([0.25, 0.5, 0.25], (3, 1)))
    assert choose(logits, Truncation(), np.array([0.1, 0.9, 0.5])).tolist() == [0, 2, 1]


@given(
    logits=logits_lists,
    temperature=st.floats(1e-3, 1e3),
    value=st.one_of(st.just(0.0), st.just(1 - 2.0**-53), st.floats(0, 1, exclude_max=True)),
)
def test_what_has_probability_zero_is_never_chosen(
    logits: list[float], temperature: float, value: float
) -> None:
    rows, allowed = np.array([logits]), np.arange(len(logits)) != 1
    assert (
        choose(
            np.where(allowed, rows, -np.inf), Truncation(temperature=temperature), np.array([value])
        )[0]
        != 1
    )


@given(logits=logits_lists, data=st.data())
def test_surprisal_is_minus_the_logarithm_of_the_softmax(
    logits: list[float], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(logits) - 1))
    best = max(logits)
    expected = best - logits[index] + math.log(sum(math.exp(x - best) for x in logits))
    result = surprisal(np.array([logits, logits]), np.array([index, index]))
    assert result.tolist() == pytest.approx([expected] * 2, rel=1e-12, abs=1e-12)


@given(logits=logits_lists, data=st.data())
def test_cost_is_surprisal_within_float32(logits: list[float], data: st.DataObject) -> None:
    index = np.array([data.draw(st.integers(0, len(logits) - 1))])
    rows = np.array([logits], np.float32)
    assert cost(rows, index) == pytest.approx(
        surprisal(rows.astype(np.float64), index), rel=1e-6, abs=1e-6
    )
