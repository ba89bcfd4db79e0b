"""Products of bfloat16 in each of the ways that processors have, against float64."""

from itertools import product

import numba
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from charloom.network.backprop.matmul import Bf16Matrix, as_matrix
from charloom.network.kernels import gemm_bf16, matmul_bf16
from charloom.network.kernels.gemm_bf16 import (
    BLOCK_TERMS,
    IMPLEMENTATIONS,
    Instructions,
    padded_terms,
)
from charloom.network.kernels.gemm_fp32 import TILE_ROWS, empty_padded
from charloom.network.kernels.intrinsics import AMX_ROWS, PANEL_COLUMNS

BETTER: dict[Instructions, tuple[Instructions, ...]] = {
    "amx": ("amx", "dot", "none"),
    "dot": ("dot", "none"),
    "none": ("none",),
}
"""What a processor also has."""

Floats = NDArray[np.float32]


def rounded(values: Floats) -> Floats:
    """Return the nearest bfloat16 values, by torch."""
    nearest: Floats = torch.from_numpy(values).bfloat16().float().numpy()
    return nearest


def random(*shape: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def as_floats(words: NDArray[np.uint16]) -> Floats:
    return (words.astype(np.uint32) << 16).view(np.float32)


def test_rounding_is_that_of_torch() -> None:
    values = np.concatenate(
        [
            random(1000, seed=1),
            1e-30 * random(1000, seed=2),
            # Halfway between two: to the even one.
            np.arange(0x3F808000, 0x3F908000, 0x10000, dtype=np.uint32).view(np.float32),
            np.array([0, -0.0, np.inf, -np.inf, 3e38], np.float32),
        ]
    )[None]
    made = matmul_bf16.to_bf16(values)
    assert (as_floats(made[:1, : values.shape[1]]) == rounded(values)).all()
    assert not made[1:].any()
    assert np.isnan(as_floats(matmul_bf16.to_bf16(np.array([[np.nan]], np.float32)))[0, 0])


@pytest.mark.parametrize(
    "shape",
    [
        (1, 1),
        (2, PANEL_COLUMNS),
        (BLOCK_TERMS, 5),
        (BLOCK_TERMS + 1, PANEL_COLUMNS + 1),
        (7, 3 * PANEL_COLUMNS - 1),
    ],
)
def test_panels_hold_pairs_of_terms(shape: tuple[int, int]) -> None:
    matrix = random(*shape, seed=0)
    panels = gemm_bf16.pack(matrix)
    # (P, pairs, C, 2): terms are pairs times two, columns are panels times C.
    joined = as_floats(panels).transpose(1, 3, 0, 2).reshape(padded_terms(shape[0]), -1)
    assert (joined[: shape[0], : shape[1]] == rounded(matrix)).all()
    assert not joined[shape[0] :].any()
    assert not joined[:, shape[1] :].any()
    assert (gemm_bf16.pack_transposed(np.ascontiguousarray(matrix.T)) == panels).all()
    assert (matmul_bf16.pack_bf16(matmul_bf16.to_bf16(matrix), shape[1], shape[0]) == panels).all()


@pytest.mark.parametrize("way", IMPLEMENTATIONS)
@pytest.mark.parametrize(
    "size",
    [
        (TILE_ROWS, 1, 1),
        (AMX_ROWS, BLOCK_TERMS, PANEL_COLUMNS),
        (AMX_ROWS + TILE_ROWS, BLOCK_TERMS + 1, 5),
        (2 * AMX_ROWS, 70, 3 * PANEL_COLUMNS + 17),
        (5 * AMX_ROWS - TILE_ROWS, 33, PANEL_COLUMNS - 1),
    ],
)
def test_products_are_exact_but_for_their_sums(
    way: Instructions, size: tuple[int, int, int]
) -> None:
    """Terms are products of bfloat16, exact in float32; sums are off by 2**-24 a term."""
    if way not in BETTER[gemm_bf16.INSTRUCTIONS]:
        pytest.skip(f"this processor has no instructions of the kind {way}")
    rows, terms, columns = size
    add_product = IMPLEMENTATIONS[way]

    @numba.njit
    def add(sums, at, row, left, rows_at, rows_row, count, packed):  # type: ignore[no-untyped-def]
        add_product(sums, at, row, left, rows_at, rows_row, count, packed)

    values, matrix = random(rows, terms, seed=1), random(terms, columns, seed=2)
    left = matmul_bf16.to_bf16(values)
    # The sums are columns of rows that are longer, behind two rows that stay as they are.
    around = empty_padded(rows + 2, columns + 3)
    around[:] = before = random(rows + 2, columns + 3, seed=3)
    row = columns + 3
    packed = gemm_bf16.pack(matrix)
    given = (around.reshape(-1), 2 * row, row, left.reshape(-1), 0, left.shape[1])
    add(*given, rows, packed)
    product_ = rounded(values).astype(float) @ rounded(matrix).astype(float)
    right = before.astype(float)
    right[2:, :columns] += product_
    np.testing.assert_allclose(around, right, rtol=0, atol=terms * 4e-7)


@pytest.mark.parametrize("size", [(1, 1, 1), (5, 33, 7), (64, 16, 40), (70, 100, 3)])
def test_a_factor_multiplies_as_float64_does(size: tuple[int, int, int]) -> None:
    rows, terms, columns = size
    left, right, other = (
        random(rows, terms, seed=1),
        random(terms, columns, seed=2),
        random(rows, columns, seed=3),
    )
    start = random(columns, seed=4)
    for is_rounded, error in ((False, 1e-5), (True, 1e-5)):
        see = rounded if is_rounded else np.copy
        made, second = (as_matrix(values, bf16=is_rounded) for values in (left, other))
        exact = see(left).astype(float) @ see(right)
        np.testing.assert_allclose(made.matmul(right), exact, rtol=0, atol=error)
        sums = empty_padded(-(-rows // TILE_ROWS) * TILE_ROWS, columns)
        made.matmul_t(np.ascontiguousarray(right.T), start, sums)
        np.testing.assert_allclose(sums[:rows], exact + start, rtol=0, atol=error)
        both = see(left).T.astype(float) @ see(other)
        assert isinstance(made, Bf16Matrix) == is_rounded
        np.testing.assert_allclose(made.t_matmul(second), both, rtol=0, atol=error)
        np.testing.assert_allclose(second.t_matmul(made), both.T, rtol=0, atol=error)


def test_ways_are_told_apart() -> None:
    assert list(product(IMPLEMENTATIONS)) == [("amx",), ("dot",), ("none",)]
    assert gemm_bf16.add_product is IMPLEMENTATIONS[gemm_bf16.INSTRUCTIONS]
