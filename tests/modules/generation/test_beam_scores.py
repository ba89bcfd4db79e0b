"""The arithmetic and the order of a beam search, against the standard library."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.generation.beam_scores import LengthPenalty, best_first, log_sum_exp


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30))
def test_log_sum_exp_is_that_of_plain_sums_and_at_least_the_maximum(logits: list[float]) -> None:
    """Within the error of float32's exponential; no log probability is above 0."""
    best = max(logits)
    expected = best + math.log(math.fsum(math.exp(logit - best) for logit in logits))
    found = float(log_sum_exp(np.array([logits], np.float32))[0])
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert found >= best


@given(st.lists(st.sampled_from([-math.inf, -2.0, -1.0, 0.5, 3.0])), st.integers(1, 12))
def test_candidates_are_ordered_by_score_and_index(scores: list[float], chunk: int) -> None:
    finite = [index for index, score in enumerate(scores) if score > -math.inf]
    expected = sorted(finite, key=lambda index: (-scores[index], index))
    assert list(best_first(np.array(scores), chunk)) == expected


@pytest.mark.parametrize(
    ("power", "symbols", "loss"),
    [(1, 4, 1.5), (0, 4, 6.0), (0.5, 4, 3.0), (2.0, 4, 0.375), (1, 1, 6.0), (3, 10, 0.006)],
)
def test_a_loss_is_the_negative_score_over_a_power_of_the_symbols(
    power: float, symbols: int, loss: float
) -> None:
    assert float(LengthPenalty(power).loss(-6.0, symbols)) == pytest.approx(loss, rel=1e-15)


def test_losses_keep_the_order_of_scores_under_powers_beyond_floats() -> None:
    penalty = LengthPenalty(1e6)
    losses = [penalty.loss(score, 10**6) for score in (-1.0, -2.0)]
    assert Decimal(0) < losses[0] < losses[1] < Decimal("1e-1000000")
