"""Blocks are copied and transposed to their place, and nothing else is written."""

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.kernels.blocks import BLOCK, aligned_zeros, copy_block, transpose_block


@numba.njit
def copy(source, target):  # type: ignore[no-untyped-def]
    copy_block(source, 2, 3, target, 4, 5)


@numba.njit
def transpose(source, target):  # type: ignore[no-untyped-def]
    transpose_block(source, 2, 3, target, 4, 5)


@numba.njit
def zeros(size):  # type: ignore[no-untyped-def]
    return aligned_zeros(size, np.float32), aligned_zeros(size, np.uint16)


def numbers(rows: int, columns: int) -> NDArray[np.float32]:
    return np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)


def test_a_block_is_copied_between_matrices_of_different_widths() -> None:
    source, target = numbers(20, 30), -numbers(20, 40)
    expected = target.copy()
    expected[4 : 4 + BLOCK, 5 : 5 + BLOCK] = source[2 : 2 + BLOCK, 3 : 3 + BLOCK]
    copy(source, target)
    assert (target == expected).all()


def test_a_block_is_transposed() -> None:
    """Also between columns of wider matrices."""
    source, target = numbers(20, 30)[:, 10:], -numbers(20, 40)[:, 20:]
    expected = target.copy()
    expected[4 : 4 + BLOCK, 5 : 5 + BLOCK] = source[2 : 2 + BLOCK, 3 : 3 + BLOCK].T
    transpose(source, target)
    assert (target == expected).all()


@pytest.mark.parametrize("size", [0, 1, 1000, 1_000_000])
def test_zeros_begin_at_a_line_of_a_cache(size: int) -> None:
    for array in zeros(size):
        assert array.shape == (size,)
        assert not array.any()
        assert size == 0 or array.ctypes.data % 64 == 0
