"""From logits to ids, against sums and products over plain numbers."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from charloom.generation.sampling import (
    Truncation,
    clamp_temperature,
    sample,
    sampling_weights,
    softmax,
    surprisal,
    surprisals,
)
from charloom.settings import SamplingSettings

LOGITS = [0.5, -1.25, 3.0, 2.0, -40.0]
GREEDY = Truncation(temperature=0)
ALLOWED = np.array([True, True, False, True, True])

NEAR = 1e-4
"""Where float32 may decide otherwise than the oracle: examples so near to an edge are left out."""

logits_lists = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20)
# Eighths, so that ties are frequent; of 40 symbols, so that sorting them takes more than one run.
eighths = st.one_of(
    st.integers(-80, 80).map(lambda n: n / 8), st.sampled_from([0.0, 0.125, -math.inf])
)
rows = st.lists(eighths, min_size=1, max_size=40).filter(lambda row: max(row) > -math.inf)
truncations = st.builds(
    Truncation,
    temperature=st.one_of(st.sampled_from([1e-300, 1e-3, 1.0, 1e300]), st.floats(0.05, 20)),
    top_k=st.one_of(st.none(), st.integers(1, 45)),
    top_p=st.one_of(st.just(1.0), st.sampled_from([1e-9, 0.999]), st.floats(0.01, 0.99)),
    min_p=st.one_of(st.sampled_from([0.0, 1.0]), st.floats(1e-6, 1)),
)
uniforms = st.one_of(st.just(0.0), st.just(1 - 2.0**-53), st.floats(0, 1, exclude_max=True))


def expected_softmax(logits: list[float], temperature: float) -> list[float]:
    weights = [math.exp((logit - max(logits)) / temperature) for logit in logits]
    return [weight / sum(weights) for weight in weights]


def truncated(logits: list[float], truncation: Truncation) -> dict[int, float]:
    """Return the chance of each symbol that may be drawn, in the documented order of the cuts.

    Temperature, then top-k, then top-p on what that left, then min-p against the best; of equal
    logits the lowest id is the likelier.
    """
    best = max(logits)
    weigh = [math.exp((logit - best) / truncation.temperature) for logit in logits]
    ranked = sorted(range(len(logits)), key=lambda index: (-logits[index], index))
    kept = ranked[: truncation.top_k]
    if truncation.top_p < 1:
        total, running, few = sum(weigh[index] for index in kept), 0.0, []
        for index in kept:
            few.append(index)
            running += weigh[index]
            assume(abs(running - truncation.top_p * total) > NEAR * total)
            if running > truncation.top_p * total:
                break
        kept = few
    for index in kept:
        assume(weigh[index] == truncation.min_p or abs(weigh[index] - truncation.min_p) > NEAR)
    kept = [index for index in kept if weigh[index] >= truncation.min_p]
    total = sum(weigh[index] for index in kept)
    return {index: weigh[index] / total for index in kept if logits[index] > -math.inf}


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.8, 100.0])
def test_probabilities_are_the_softmax(temperature: float) -> None:
    rows = [LOGITS, [logit + 500 for logit in reversed(LOGITS)]]
    result = softmax(np.array(rows), temperature)
    for row, logits in enumerate(rows):
        assert result[row] == pytest.approx(expected_softmax(logits, temperature), rel=1e-13)


def test_what_is_not_allowed_has_probability_zero_and_the_rest_is_scaled_up() -> None:
    result = softmax(np.array([LOGITS]), 1.0, ALLOWED)[0]
    expected = expected_softmax([logit for k, logit in enumerate(LOGITS) if k != 2], 1.0)
    assert result[2] == 0
    assert result[ALLOWED] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-5])
def test_a_tiny_temperature_takes_the_best(temperature: float) -> None:
    """Dividing by it overflows, quietly (warnings fail this suite)."""
    assert softmax(np.array([LOGITS]), temperature).tolist() == [[0, 0, 1, 0, 0]]


def test_a_huge_temperature_is_nearly_even() -> None:
    assert softmax(np.array([LOGITS]), 1e300)[0] == pytest.approx([0.2] * 5)


def test_the_best_symbol_at_temperature_zero() -> None:
    logits = np.array([LOGITS, LOGITS[::-1]])
    assert sample(logits, GREEDY, np.array([0.9, 0.9])).tolist() == [2, 2]
    assert sample(np.where(ALLOWED, logits, -np.inf), GREEDY, np.array([0.9, 0.9])).tolist() == [
        3,
        1,
    ]


def test_ties_go_to_the_lowest_id() -> None:
    logits = np.array([[1.0, 2.0, 2.0, 1.5], [2.0, 1.0, 2.0, 2.5]])
    assert sample(logits, GREEDY, np.array([0.9, 0.9])).tolist() == [1, 3]


def test_a_temperature_below_float32_still_divides() -> None:
    assert clamp_temperature(5e-324) > 0
    assert sample(
        np.array([LOGITS]), Truncation(temperature=5e-324), np.array([0.999])
    ).tolist() == [2]


def test_uniforms_cut_the_unit_interval_in_the_order_of_the_ids() -> None:
    logits = np.log([[0.125, 0.25, 0.5, 0.125]])
    edges = {0.0: 0, 0.1249: 0, 0.1251: 1, 0.3749: 1, 0.3751: 2, 0.8749: 2, 0.8751: 3}
    for value, expected in edges.items():
        assert sample(logits, Truncation(), np.array([value])).tolist() == [expected]
    assert sample(logits, Truncation(), np.array([1 - 2.0**-53])).tolist() == [3]


def test_each_stream_has_its_own_uniform() -> None:
    logits = np.log(np.tile([0.25, 0.5, 0.25], (3, 1)))
    assert sample(logits, Truncation(), np.array([0.1, 0.9, 0.5])).tolist() == [0, 2, 1]


@given(
    logits=logits_lists,
    temperature=st.floats(1e-3, 1e3),
    value=uniforms,
)
def test_what_has_probability_zero_is_never_chosen(
    logits: list[float], temperature: float, value: float
) -> None:
    rows, allowed = np.array([logits]), np.arange(len(logits)) != 1
    assert (
        sample(
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
    assert surprisals(rows, index) == pytest.approx(
        surprisal(rows.astype(np.float64), index), rel=1e-6, abs=1e-6
    )


@settings(max_examples=400)
@given(logits=rows, truncation=truncations)
def test_weights_are_those_of_the_documented_order(
    logits: list[float], truncation: Truncation
) -> None:
    chances = truncated(logits, truncation)
    result = sampling_weights(np.array([logits], np.float32), truncation)[0].astype(float)
    expected = [chances.get(index, 0.0) for index in range(len(logits))]
    # What is so unlikely that its weight is 0 in exact numbers keeps e**-87 of the best.
    assert (result / result.sum()).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-30)
    assert set(np.flatnonzero(result)) <= set(chances)
    assert result.max() == 1


@given(logits=rows, truncation=truncations, value=uniforms)
def test_what_was_cut_is_never_chosen(
    logits: list[float], truncation: Truncation, value: float
) -> None:
    """And the inverse of the cumulative chances, in the order of the ids, decides."""
    chances = truncated(logits, truncation)
    chosen = int(sample(np.array([logits]), truncation, np.array([value]))[0])
    assert chosen in chances
    running = 0.0
    for index in sorted(chances):
        if running + chances[index] > value + NEAR:
            break
        running += chances[index]
        if running > value - NEAR:
            return  # too near to an edge to tell
    assert chosen == index


@given(logits=rows, truncation=truncations)
def test_streams_do_not_look_at_each_other(logits: list[float], truncation: Truncation) -> None:
    turned = logits[::-1]
    both = sampling_weights(np.array([logits, turned]), truncation)
    assert both[0].tolist() == sampling_weights(np.array([logits]), truncation)[0].tolist()
    assert both[1].tolist() == sampling_weights(np.array([turned]), truncation)[0].tolist()


def kept(logits: list[float], **options: Any) -> list[int]:
    """The ids that are left."""
    asked = SamplingSettings(**{"temperature": 1.0, **options})
    truncation = Truncation.from_settings(asked, len(logits))
    return np.flatnonzero(sampling_weights(np.array([logits]), truncation)[0]).tolist()


def test_ties_at_an_edge() -> None:
    """Equal logits weigh exactly 1 each, so these edges are exact: lower ids stay, as many as said.

    Four of them reach half of the probability with two, and a little more with three.
    """
    equal = [2.0] * 4
    assert kept(equal, top_k=3) == [0, 1, 2]
    assert kept(equal, top_p=0.5) == [0, 1]
    assert kept(equal, top_p=0.5 + 2.0**-40) == [0, 1, 2]
    assert kept(equal, min_p=1) == [0, 1, 2, 3]
    assert kept([1.0, 2.0, 1.0, 2.0, 1.0], top_k=3) == [0, 1, 3]
    assert kept([1.0, 2.0, 1.0, 2.0, 1.0], min_p=1) == [1, 3]


def test_top_p_looks_at_what_top_k_left() -> None:
    """Of chances 0.4, 0.3, 0.2 and 0.1, the best two have 4/7 and 3/7 among themselves."""
    logits = [math.log(chance) for chance in (0.1, 0.4, 0.2, 0.3)]
    assert kept(logits, top_p=0.5) == [1, 3]
    assert kept(logits, top_k=2, top_p=0.5) == [1]
    assert kept(logits, top_k=3, top_p=0.8) == [1, 2, 3]
    assert kept(logits, top_k=3, top_p=0.75) == [1, 3]


def test_min_p_is_a_share_of_the_best_and_not_of_all() -> None:
    logits = [math.log(chance) for chance in (0.1, 0.4, 0.2, 0.3)]
    assert kept(logits, min_p=0.6) == [1, 3]
    assert kept(logits, min_p=0.3) == [1, 2, 3]
    assert kept(logits, min_p=0.3, top_k=2) == [1, 3]


def test_all_cuts_look_at_chances_after_the_temperature() -> None:
    """At temperature 2 the chances are as the square roots: 0.9 to 0.1 becomes 3 to 1."""
    logits = [math.log(0.9), math.log(0.1)]
    assert kept(logits, top_p=0.8) == kept(logits, min_p=0.3) == [0]
    assert kept(logits, top_p=0.8, temperature=2.0) == [0, 1]
    assert kept(logits, min_p=0.3, temperature=2.0) == [0, 1]


def test_what_cuts_nothing_is_no_cut() -> None:
    """So that engines need not sort, nor kernels be compiled again for a whole number."""
    harmless: list[dict[str, Any]] = [
        {},
        {"top_k": 9},
        {"top_k": 10**30},
        {"top_p": 1},
        {"min_p": 0},
    ]
    for options in harmless:
        truncation = Truncation.from_settings(SamplingSettings(**options), 9)
        assert (truncation.truncates, truncation) == (False, Truncation(temperature=0.8))
        assert (type(truncation.top_p), type(truncation.min_p)) == (float, float)
    assert Truncation.from_settings(SamplingSettings(top_k=8), 9).truncates
    assert type(Truncation.from_settings(SamplingSettings(min_p=1), 9).min_p) is float


@pytest.mark.parametrize("temperature", [1e300, 10**400])
def test_a_temperature_above_float32_makes_all_even(temperature: float) -> None:
    """Quietly (warnings fail this suite); what is forbidden stays so."""
    logits = np.array([[*LOGITS, -math.inf]])
    assert sampling_weights(logits, Truncation(temperature=temperature)).tolist() == [
        [1, 1, 1, 1, 1, 0]
    ]
