"""Dropout kernels against a hash written in NumPy with 64-bit integers."""

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.dropout import LEVELS
from charloom.network.kernels.dropout import dropout_backward, dropout_forward

KEYS = np.array([0x12345678, 0x9ABCDEF0], np.uint32)
LOW_32 = np.uint64(2**32 - 1)
Ids = NDArray[np.int64]


def random(*shape: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def kept_values(numbers_N: Ids, masks: int, values: int, kept: int) -> NDArray[np.bool_]:
    """Return which values K masks keep, (K, N, H): the oracle of the kernels."""
    position = (numbers_N[:, None] * values + np.arange(values)).astype(np.uint64) & LOW_32
    first, second = KEYS.astype(np.uint64)
    x = position ^ first
    x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x7FEB352D)) & LOW_32
    x = ((x ^ (x >> np.uint64(15)) ^ second) * np.uint64(0x846CA68B)) & LOW_32
    bits = (x >> np.uint64(16)).astype(np.int64)
    shifts = np.arange(masks) * LEVELS // masks
    below: NDArray[np.bool_] = (bits + shifts[:, None, None]) % LEVELS < kept
    return below


@pytest.mark.parametrize("kept", [1, 20_000, LEVELS])
@pytest.mark.parametrize("values", [5, 33])
def test_values_are_kept_by_the_hash_of_their_position(kept: int, values: int) -> None:
    """Row numbers up to 2**40: positions are taken modulo 2**32."""
    rows, numbers = np.array([4, 0, 1]), np.array([7, 2**31, 2**40 + 3])
    input_RH = random(6, values, seed=1)
    dropped = np.empty((3, 3, values), np.float32)
    dropout_forward(input_RH, rows, numbers, KEYS, kept, dropped)
    scaled = input_RH[rows] * np.float32(LEVELS / kept)
    expected = np.where(kept_values(numbers, 3, values, kept), scaled, 0)
    np.testing.assert_allclose(dropped, expected, rtol=1e-6, atol=0)


def test_masks_do_not_depend_on_shards() -> None:
    """Each half of a minibatch, with its rows' numbers, has the masks of the whole one."""
    values, numbers = random(10, 8, seed=1), np.arange(10)
    whole = np.empty((2, 10, 8), np.float32)
    dropout_forward(values, numbers, numbers, KEYS, 30_000, whole)
    for shard in (0, 1):
        part = np.empty((2, 5, 8), np.float32)
        rows = np.arange(5)
        shard_values = values[shard::2].copy()
        dropout_forward(shard_values, rows, numbers[shard::2], KEYS, 30_000, part)
        assert (part == whole[:, shard::2]).all()


@pytest.mark.parametrize("kept", [20_000, LEVELS])
def test_dropout_backward_is_the_transpose_of_forward(kept: int) -> None:
    values, rows, numbers = random(6, 5, seed=1), np.array([4, 0, 1]), np.array([9, 3, 17])
    dropped = np.empty((3, 3, 5), np.float32)
    dropout_forward(values, rows, numbers, KEYS, kept, dropped)
    grad, result = random(*dropped.shape, seed=2), np.zeros_like(values)
    dropout_backward(grad, rows, numbers, KEYS, kept, result)
    expected = np.vdot(dropped.astype(float), grad)
    assert np.vdot(values.astype(float), result) == pytest.approx(expected, rel=1e-5)
