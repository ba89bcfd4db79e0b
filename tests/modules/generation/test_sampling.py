"""From logits to ids, against sums and products of plain numbers."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from soak import example_count

from charloom.generation.sampling import (
    Truncation,
    clamp_temperature,
    sample,
    sampling_weights,
    softmax,
    surprisals,
)
from charloom.settings import SamplingSettings

LOGITS = [0.5, -1.25, 3.0, 2.0, -40.0]
GREEDY = Truncation(temperature=0)
ALLOWED = np.array([True, True, False, True, True])

NEAR = 1e-4
"""Examples this near to an edge are skipped: float32 may decide otherwise than the oracle."""

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


def expected_softmax(logits: list[float]) -> list[float]:
    weights = [math.exp(logit - max(logits)) for logit in logits]
    return [weight / sum(weights) for weight in weights]


def truncated(logits: list[float], truncation: Truncation) -> dict[int, float]:
    """Return the probability of each symbol that truncation keeps, in the documented order.

    Temperature, then top-k, then top-p of the rest, then min-p; ties go to the lower id.
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


def test_softmax_of_each_row_equals_plain_sums() -> None:
    """Also where an exponential of the logits themselves would overflow."""
    rows = [LOGITS, [logit + 5000 for logit in reversed(LOGITS)]]
    result = softmax(np.array(rows))
    for row, logits in enumerate(rows):
        assert result[row] == pytest.approx(expected_softmax(logits), rel=1e-13)


def test_temperature_zero_takes_the_largest_logit() -> None:
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


def test_each_sequence_has_its_own_uniform() -> None:
    logits = np.log(np.tile([0.25, 0.5, 0.25], (3, 1)))
    assert sample(logits, Truncation(), np.array([0.1, 0.9, 0.5])).tolist() == [0, 2, 1]


@given(
    logits=logits_lists,
    temperature=st.floats(1e-3, 1e3),
    value=uniforms,
)
def test_a_logit_of_minus_infinity_is_never_sampled(
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
def test_surprisals_are_minus_the_logarithm_of_the_softmax(
    logits: list[float], data: st.DataObject
) -> None:
    """Within the rounding of float32."""
    ids = np.array([data.draw(st.integers(0, len(logits) - 1)) for _ in range(2)])
    rows = np.array([logits, logits], np.float32)
    best = max(rows[0].tolist())
    total = math.log(sum(math.exp(x - best) for x in rows[0].tolist()))
    expected = [total + best - rows[0].tolist()[index] for index in ids]
    assert surprisals(rows, ids) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@settings(max_examples=example_count(400))
@given(logits=rows, truncation=truncations)
def test_weights_are_those_of_the_documented_order(
    logits: list[float], truncation: Truncation
) -> None:
    probabilities = truncated(logits, truncation)
    result = sampling_weights(np.array([logits], np.float32), truncation)[0].astype(float)
    expected = [probabilities.get(index, 0.0) for index in range(len(logits))]
    # The exponential is clamped at e**-87 of the best weight.
    assert (result / result.sum()).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-30)
    assert set(np.flatnonzero(result)) <= set(probabilities)
    assert result.max() == 1


@given(logits=rows, truncation=truncations, value=uniforms)
def test_sampling_is_the_inverse_of_the_cumulative_probabilities(
    logits: list[float], truncation: Truncation, value: float
) -> None:
    """In the order of the ids; a symbol that truncation leaves out is never sampled."""
    probabilities = truncated(logits, truncation)
    chosen = int(sample(np.array([logits]), truncation, np.array([value]))[0])
    assert chosen in probabilities
    running = 0.0
    for index in sorted(probabilities):
        if running + probabilities[index] > value + NEAR:
            break
        running += probabilities[index]
        if running > value - NEAR:
            return  # too near to an edge
    assert chosen == index


@given(logits=rows, truncation=truncations)
def test_sequences_are_independent(logits: list[float], truncation: Truncation) -> None:
    turned = logits[::-1]
    both = sampling_weights(np.array([logits, turned]), truncation)
    assert both[0].tolist() == sampling_weights(np.array([logits]), truncation)[0].tolist()
    assert both[1].tolist() == sampling_weights(np.array([turned]), truncation)[0].tolist()


def kept(logits: list[float], **options: Any) -> list[int]:
    """Return the ids that truncation keeps."""
    sampling = SamplingSettings(**{"temperature": 1.0, **options})
    truncation = Truncation.from_settings(sampling, len(logits))
    return np.flatnonzero(sampling_weights(np.array([logits]), truncation)[0]).tolist()


def test_ties_at_an_edge_go_to_the_lower_id() -> None:
    """Equal logits have weight exactly 1 each, so these edges are exact."""
    equal = [2.0] * 4
    assert kept(equal, top_k=3) == [0, 1, 2]
    assert kept(equal, top_p=0.5) == [0, 1]
    assert kept(equal, top_p=0.5 + 2.0**-40) == [0, 1, 2]
    assert kept(equal, min_p=1) == [0, 1, 2, 3]
    assert kept([1.0, 2.0, 1.0, 2.0, 1.0], top_k=3) == [0, 1, 3]
    assert kept([1.0, 2.0, 1.0, 2.0, 1.0], min_p=1) == [1, 3]


def test_top_p_applies_to_the_symbols_that_top_k_keeps() -> None:
    """Of 0.4, 0.3, 0.2 and 0.1, the best two have 4/7 and 3/7 among themselves."""
    logits = [math.log(p) for p in (0.1, 0.4, 0.2, 0.3)]
    assert kept(logits, top_p=0.5) == [1, 3]
    assert kept(logits, top_k=2, top_p=0.5) == [1]
    assert kept(logits, top_k=3, top_p=0.8) == [1, 2, 3]
    assert kept(logits, top_k=3, top_p=0.75) == [1, 3]


def test_min_p_is_a_fraction_of_the_highest_probability() -> None:
    logits = [math.log(p) for p in (0.1, 0.4, 0.2, 0.3)]
    assert kept(logits, min_p=0.6) == [1, 3]
    assert kept(logits, min_p=0.3) == [1, 2, 3]
    assert kept(logits, min_p=0.3, top_k=2) == [1, 3]


def test_truncation_applies_after_the_temperature() -> None:
    """At temperature 2, probabilities of 0.9 and 0.1 become 0.75 and 0.25."""
    logits = [math.log(0.9), math.log(0.1)]
    assert kept(logits, top_p=0.8) == kept(logits, min_p=0.3) == [0]
    assert kept(logits, top_p=0.8, temperature=2.0) == [0, 1]
    assert kept(logits, min_p=0.3, temperature=2.0) == [0, 1]


def test_options_that_keep_all_symbols_do_not_truncate() -> None:
    """So decoders need not sort, and kernels are not compiled again for an integer."""
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
    """Without a warning, which would fail this suite; a forbidden symbol keeps weight 0."""
    logits = np.array([[*LOGITS, -math.inf]])
    assert sampling_weights(logits, Truncation(temperature=temperature)).tolist() == [
        [1, 1, 1, 1, 1, 0]
    ]
