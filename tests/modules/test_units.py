import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom import units


def test_a_uniform_choice_of_eight_has_three_bits_and_perplexity_eight() -> None:
    nats = 5 * math.log(8)
    assert units.bits(nats) == pytest.approx(15)
    assert units.bits_per_character(nats, 5) == pytest.approx(3)
    assert units.perplexity(nats, 5) == pytest.approx(8)


def test_bits_of_an_array_are_the_bits_of_its_elements() -> None:
    nats = [0.0, 1.0, 7.25, 1e6]
    assert units.bits(np.array(nats)).tolist() == [units.bits(value) for value in nats]


@given(nats=st.floats(0, 1e6), characters=st.integers(1, 10**9))
def test_bits_per_character_are_nats_times_log2_e_divided_by_characters(
    nats: float, characters: int
) -> None:
    expected = math.log2(math.e) * nats / characters
    assert units.bits_per_character(nats, characters) == pytest.approx(expected, rel=1e-12)


def test_a_perplexity_too_large_for_a_number_is_infinite() -> None:
    assert units.perplexity(800, 1) == math.inf
