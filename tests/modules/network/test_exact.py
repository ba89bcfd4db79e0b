"""The exact float32 functions against float64, and sums against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from charloom.network.exact import accumulate, exp, log, sigmoid, tanh

EVERYWHERE = np.concatenate(
    [np.linspace(-87, 88, 200_001), np.geomspace(1e-30, 1, 1000), -np.geomspace(1e-30, 1, 1000)]
).astype(np.float32)


def test_the_relative_error_of_exp_is_at_most_1_5e_7() -> None:
    exact = np.exp(EVERYWHERE.astype(np.float64))
    assert np.abs(exp(EVERYWHERE) / exact - 1).max() < 1.5e-7


def test_the_argument_of_exp_is_clipped() -> None:
    ends = np.array([-np.inf, -1e30, 1e30, np.inf], np.float32)
    low, high = math.exp(-87), math.exp(88)
    assert exp(ends).tolist() == pytest.approx([low, low, high, high], rel=1e-6)


def test_the_errors_of_sigmoid_and_tanh_are_at_most_3e_7() -> None:
    x = EVERYWHERE.astype(np.float64)
    assert np.abs(sigmoid(EVERYWHERE) - 1 / (1 + np.exp(-x))).max() < 2e-7
    assert np.abs(tanh(EVERYWHERE) - np.tanh(x)).max() < 3e-7


numbers = st.floats(-100, 100, width=32)


@given(
    data=st.data(),
    streams=st.integers(1, 5),
    inputs=st.integers(0, 9),
    outputs=st.integers(1, 7),
)
def test_terms_are_added_in_the_order_of_their_index(
    data: st.DataObject, streams: int, inputs: int, outputs: int
) -> None:
    """Equal to plain loops over float32 numbers bit for bit, for one sequence and several."""

    def draw(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return data.draw(arrays.arrays(np.float32, shape, elements=numbers))

    start, rows, weights = draw(streams, outputs), draw(streams, inputs), draw(inputs, outputs)
    result = accumulate(start, rows, weights)
    for s in range(streams):
        for g in range(outputs):
            total = start[s, g]
            for k in range(inputs):
                total = np.float32(total + np.float32(rows[s, k] * weights[k, g]))
            assert result[s, g] == total


@given(st.floats(1, 1e12))
def test_the_logarithm_is_that_of_the_standard_library(x: float) -> None:
    assert log(np.array([x]))[0] == pytest.approx(math.log(x), rel=1e-15, abs=0)


def test_the_logarithm_is_exact_at_1_and_accurate_at_the_edges_of_its_series() -> None:
    above = float(np.nextafter(1, 2))
    edges = [float(np.nextafter(math.sqrt(2), limit)) for limit in (1, 2)]
    for x in (1.0, above, *edges, 2.0):
        found = float(log(np.array([x]))[0])
        assert found == pytest.approx(math.log(x), rel=1e-15, abs=0)
