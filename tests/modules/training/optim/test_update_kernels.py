"""Each compiled update against its formula in float64, written with NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.parameters import Floats
from charloom.training.optim import update_kernels

Doubles = NDArray[np.float64]

SIZE = 1003
"""Not a multiple of the width of any vector instruction."""


def numbers(seed: int, *, positive: bool = False) -> Floats:
    values = np.random.default_rng(seed).standard_normal(SIZE).astype(np.float32)
    return np.abs(values) if positive else values


def check(
    kernel: Callable[..., None],
    arrays: list[Floats],
    arguments: list[Any],
    formula: Callable[..., dict[int, Doubles]],
) -> None:
    """Assert that ``kernel`` changes ``arrays`` as ``formula``, which returns new ones by index.

    All others must stay as they are.
    """
    before = [array.astype(np.float64) for array in arrays]
    kernel(*arrays, *arguments)
    expected = formula(*(array.copy() for array in before))
    for index, array in enumerate(arrays):
        if index in expected:
            np.testing.assert_allclose(array, expected[index], rtol=1e-5, atol=1e-6)
        else:
            assert np.array_equal(array, before[index])


def test_interpolate() -> None:
    arrays = [numbers(1), numbers(2)]
    check(
        update_kernels.interpolate,
        arrays,
        [np.float32(0.3)],
        lambda average, weights: {0: 0.7 * average + 0.3 * weights},
    )


def test_adamw() -> None:
    def formula(w: Doubles, g: Doubles, mean: Doubles, square: Doubles) -> dict[int, Doubles]:
        mean = 0.9 * mean + 0.1 * (0.5 * g)
        square = 0.99 * square + 0.01 * (0.5 * g) ** 2
        step = 0.02 * mean / (np.sqrt(square) / 0.7 + 1e-3)
        return {0: 0.8 * w - step, 2: mean, 3: square}

    betas = np.float32(0.9), np.float32(0.99)
    sizes = np.float32(0.02), np.float32(0.7), np.float32(1e-3)
    arrays = [numbers(1), numbers(2), numbers(3), numbers(4, positive=True)]
    arguments = [np.float32(0.5), betas, np.float32(0.8), sizes]
    check(update_kernels.adamw, arrays, arguments, formula)


def test_rmsprop() -> None:
    def formula(w: Doubles, g: Doubles, square: Doubles) -> dict[int, Doubles]:
        square = 0.9 * square + 0.1 * (0.5 * g) ** 2
        return {0: w - 0.02 * 0.5 * g / (np.sqrt(square) + 1e-3), 2: square}

    arrays = [numbers(1), numbers(2), numbers(3, positive=True)]
    arguments = [np.float32(number) for number in (0.5, 0.9, 1e-3, 0.02)]
    check(update_kernels.rmsprop, arrays, arguments, formula)


def test_sgd() -> None:
    def formula(w: Doubles, g: Doubles, momentum: Doubles) -> dict[int, Doubles]:
        momentum = 0.9 * momentum + 0.5 * g
        return {0: w - 0.02 * momentum, 2: momentum}

    arrays = [numbers(1), numbers(2), numbers(3)]
    check(update_kernels.sgd, arrays, [np.float32(n) for n in (0.5, 0.9, 0.02)], formula)


def test_nesterov_momentum() -> None:
    def formula(g: Doubles, momentum: Doubles, _: Doubles) -> dict[int, Doubles]:
        momentum = 0.95 * momentum + 0.05 * (0.5 * g)
        return {1: momentum, 2: 0.95 * momentum + 0.05 * (0.5 * g)}

    arrays = [numbers(1), numbers(2), numbers(3)]
    check(update_kernels.nesterov_momentum, arrays, [np.float32(0.5), np.float32(0.95)], formula)


@pytest.mark.parametrize("transposed", [False, True])
def test_subtract_rows(transposed: bool) -> None:
    weights_MN = numbers(1).reshape(17, 59)
    rows_MN = numbers(2).reshape(17, 59)
    if transposed:
        weights_MN, rows_MN = weights_MN.T, rows_MN.T.copy()
    check(
        update_kernels.subtract_rows,
        [weights_MN, rows_MN],
        [np.float32(0.9), np.float32(0.02)],
        lambda weights, rows: {0: 0.9 * weights - 0.02 * rows},
    )


def test_infinite_numbers_stay_visible() -> None:
    """Neither infinity nor NaN may disappear: the trainer stops at them."""
    weights_P, momentum_P = np.zeros(3, np.float32), np.zeros(3, np.float32)
    gradients_P = np.array([np.inf, np.nan, 1], np.float32)
    one = np.float32(1)
    update_kernels.sgd(weights_P, gradients_P, momentum_P, one, one, one)
    assert np.isfinite(weights_P).tolist() == [False, False, True]
