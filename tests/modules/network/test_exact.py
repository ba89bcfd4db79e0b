import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from charloom.network.exact import accumulate, exp, sigmoid, tanh

EVERYWHERE = np.concatenate(
    [np.linspace(-87, 88, 200_001), np.geomspace(1e-30, 1, 1000), -np.geomspace(1e-30, 1, 1000)]
).astype(np.float32)


def test_exp_is_off_by_a_ten_millionth_at_most() -> None:
    exact = np.exp(EVERYWHERE.astype(np.float64))
    assert np.abs(exp(EVERYWHERE) / exact - 1).max() < 1.5e-7


def test_exp_is_held_between_its_ends() -> None:
    ends = np.array([-np.inf, -1e30, 1e30, np.inf], np.float32)
    low, high = math.exp(-87), math.exp(88)
    assert exp(ends).tolist() == pytest.approx([low, low, high, high], rel=1e-6)


def test_sigmoid_and_tanh_are_off_by_less_than_float32_rounds_sums() -> None:
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
def test_sums_are_added_up_in_the_order_of_their_index(
    data: st.DataObject, streams: int, inputs: int, outputs: int
) -> None:
    """Bit for bit what plain loops over float32 numbers give, for one stream and for many."""

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
