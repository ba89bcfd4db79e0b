"""The compiled exact arithmetic has the bits of the NumPy version."""

import numba
import numpy as np
import pytest

from charloom.network import exact
from charloom.network.kernels import exact_compiled


@numba.njit
def apply(values):  # type: ignore[no-untyped-def]
    """Return exp, sigmoid and tanh of each value."""
    results = np.empty((3, len(values)), np.float32)
    for k in range(len(values)):
        results[0, k] = exact_compiled.exp(values[k])
        results[1, k] = exact_compiled.sigmoid(values[k])
        results[2, k] = exact_compiled.tanh(values[k])
    return results


def test_functions_have_the_bits_of_numpy() -> None:
    values = np.concatenate(
        [
            np.linspace(-90, 90, 50_001),
            np.geomspace(1e-30, 1, 1000),
            -np.geomspace(1e-30, 1, 1000),
            [-np.inf, -1e30, 1e30, np.inf, 0.0, -0.0],
        ]
    ).astype(np.float32)
    results = apply(values)
    for result, function in zip(results, (exact.exp, exact.sigmoid, exact.tanh), strict=True):
        assert result.tobytes() == function(values).tobytes()


@pytest.mark.parametrize("sequences", range(1, 10))
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (7, 5), (8, 16), (19, 33)])
def test_products_have_the_bits_of_numpy(sequences: int, inputs: int, outputs: int) -> None:
    """Blocks of four sequences and eight rows of weights, and their remainders."""
    rng = np.random.default_rng(sequences)
    start = rng.standard_normal((sequences + 1, outputs)).astype(np.float32)
    rows = rng.standard_normal((sequences + 1, inputs)).astype(np.float32)
    weights = rng.standard_normal((inputs, outputs)).astype(np.float32)
    sums = start.copy()
    exact_compiled.accumulate(sums, rows, weights, sequences)
    expected = exact.accumulate(start, rows, weights)
    assert sums[:sequences].tobytes() == expected[:sequences].tobytes()
    assert (sums[sequences] == start[sequences]).all()
