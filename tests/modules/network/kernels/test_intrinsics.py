"""Tile intrinsics: one tile of sums at a given row and panel, against NumPy."""

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.kernels import gemm_bf16, matmul_bf16
from charloom.network.kernels.gemm_fp32 import TILE_ROWS, empty_padded
from charloom.network.kernels.intrinsics import (
    PANEL_COLUMNS,
    emit_dot,
    emit_two_products,
    vector_intrinsic,
)


def small_integers(*shape: int, seed: int) -> NDArray[np.float32]:
    """Return integers whose sums of products are exact in float32 and bfloat16."""
    return np.random.default_rng(seed).integers(-8, 9, shape).astype(np.float32)


@pytest.mark.parametrize("height", [TILE_ROWS, 8])
@pytest.mark.parametrize("emit", [emit_dot, emit_two_products])
def test_a_tile_adds_exactly_its_rows_and_panel(emit: object, height: int) -> None:
    if emit is emit_dot and gemm_bf16.INSTRUCTIONS == "none":
        pytest.skip("this processor has no bfloat16 dot products")
    add_tile = vector_intrinsic(emit, height)  # type: ignore[arg-type]

    @numba.njit
    def add(sums, bits, packed, row, panel):  # type: ignore[no-untyped-def]
        add_tile(sums, bits, packed, row, panel)

    rows, terms, columns = height + 2 * TILE_ROWS, 37, 3 * PANEL_COLUMNS
    left, matrix = small_integers(rows, terms, seed=1), small_integers(terms, columns, seed=2)
    sums = empty_padded(rows, columns)
    sums[:] = expected = small_integers(rows, columns, seed=3)
    expected = expected.copy()
    add(sums, matmul_bf16.to_bf16(left), gemm_bf16.pack(matrix), TILE_ROWS, 2)
    tile = slice(TILE_ROWS, TILE_ROWS + height), slice(2 * PANEL_COLUMNS, 3 * PANEL_COLUMNS)
    expected[tile] += (left @ matrix)[tile]
    assert (sums == expected).all()
