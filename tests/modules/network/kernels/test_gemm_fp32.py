"""float32 products of packed matrices against float64."""

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.kernels.gemm_fp32 import (
    TAIL_PADDING,
    TILE_COLUMNS,
    TILE_HEIGHTS,
    TILE_ROWS,
    add_product,
    empty_padded,
    pack,
    pack_transposed,
    padded_rows,
)


def random(*shape: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@numba.njit
def add(sums, rows, packed):  # type: ignore[no-untyped-def]
    add_product(sums, rows, packed)


@pytest.mark.parametrize(
    "shape", [(1, 1), (5, TILE_COLUMNS), (19, TILE_COLUMNS + 1), (16, 5 * TILE_COLUMNS - 1)]
)
def test_panels_hold_the_matrix_column_by_column(shape: tuple[int, int]) -> None:
    matrix = random(*shape, seed=0)
    panels = pack(matrix)
    joined = panels.transpose(1, 0, 2).reshape(shape[0], -1)
    assert (joined[:, : shape[1]] == matrix).all()
    assert not joined[:, shape[1] :].any()
    assert (pack_transposed(matrix.T.copy()) == panels).all()


@pytest.mark.parametrize(
    "size",
    [
        (1, 1, 1),
        (2, 9, TILE_COLUMNS),
        (3, 17, TILE_COLUMNS + 1),
        (4, 1, 1),
        (7, 40, 3 * TILE_COLUMNS - 1),
    ],
)
def test_the_product_of_column_slices_is_added(size: tuple[int, int, int]) -> None:
    tiles, terms, columns = size
    rows = tiles * TILE_ROWS
    left, matrix = random(rows, terms + 5, seed=1), random(terms, columns, seed=2)
    wider = empty_padded(rows + 1, columns + 3)
    wider[:] = before = random(rows + 1, columns + 3, seed=3)
    add(wider[1:, 1 : columns + 1], left[:, 2 : terms + 2], pack(matrix))
    expected = before.astype(float)
    expected[1:, 1 : columns + 1] += left[:, 2 : terms + 2].astype(float) @ matrix
    # Off by at most 2**-24 of each of the terms, which are of size 1.
    np.testing.assert_allclose(wider, expected, rtol=0, atol=terms * 4e-7)


def test_sums_do_not_depend_on_the_rows_beside_them() -> None:
    """Each row has the same bits in a low tile and in a tall one."""
    rows, terms, columns = sum(TILE_HEIGHTS) + 2 * TILE_ROWS, 70, TILE_COLUMNS + 3
    left, packed = random(rows, terms, seed=1), pack(random(terms, columns, seed=2))
    whole, parts = empty_padded(rows, columns), empty_padded(rows, columns)
    whole[:] = parts[:] = 0
    add(whole, left, packed)
    for first in range(0, rows, TILE_ROWS):
        some = slice(first, first + TILE_ROWS)
        add(parts[some], left[some], packed)
    assert (whole == parts).all()


def test_panels_begin_at_a_line_of_a_cache() -> None:
    packed = [pack(random(20, columns, seed=1)) for columns in (1, 40, 5000)]
    assert not any(panels.ctypes.data % 64 for panels in packed)


def test_rows_are_padded_to_whole_tiles() -> None:
    assert [padded_rows(rows) for rows in (1, TILE_ROWS, TILE_ROWS + 1)] == [
        TILE_ROWS,
        TILE_ROWS,
        2 * TILE_ROWS,
    ]


def test_an_empty_array_has_zeros_behind_its_last_row() -> None:
    array = empty_padded(3, 5)
    assert array.base is not None
    assert array.shape == (3, 5)
    assert array.base.size == 15 + TAIL_PADDING
    assert not array.base[15:].any()
