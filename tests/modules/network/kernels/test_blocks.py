"""Blocks are copied and transposed to their place, and nothing else is written."""

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.kernels import blocks
from charloom.network.kernels.blocks import BLOCK, copy_block, transpose_block


@numba.njit
def copy(source, target):  # type: ignore[no-untyped-def]
    copy_block(source, 2, 3, target, 4, 5)


@numba.njit
def transpose(source, target):  # type: ignore[no-untyped-def]
    transpose_block(source, 2, 3, target, 4, 5)


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


@pytest.mark.parametrize("shape", [(1, 1), (BLOCK, BLOCK), (3, 40), (37, 19), (16, 9)])
def test_a_matrix_is_transposed(shape: tuple[int, int]) -> None:
    """Also columns of a wider one, with whole blocks and without."""
    rows, columns = shape
    source, target = numbers(rows, columns + 5)[:, 5:], -numbers(columns + 1, rows + 3)
    expected = target.copy()
    expected[:columns, :rows] = source.T
    blocks.transpose(source, target[:columns, :rows])
    assert (target == expected).all()
