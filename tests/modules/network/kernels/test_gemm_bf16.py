"""bfloat16 products by each kind of instruction, and packing, against float64."""

import numba
import numpy as np
import pytest
from bfloat16 import round_to_bf16
from numpy.typing import NDArray

from charloom.network.kernels import gemm_bf16, matmul_bf16
from charloom.network.kernels.gemm_bf16 import (
    BLOCK_TERMS,
    IMPLEMENTATIONS,
    INSTRUCTIONS,
    Instructions,
    padded_terms,
)
from charloom.network.kernels.gemm_fp32 import TILE_ROWS, empty_padded
from charloom.network.kernels.intrinsics import AMX_ROWS, PANEL_COLUMNS

SUPPORTED: dict[Instructions, tuple[Instructions, ...]] = {
    "amx": ("amx", "dot", "none"),
    "dot": ("dot", "none"),
    "none": ("none",),
}
"""Kinds of instructions that a processor has, by the fastest of them."""

Floats = NDArray[np.float32]


def random(*shape: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def as_floats(bits: NDArray[np.uint16]) -> Floats:
    return (bits.astype(np.uint32) << 16).view(np.float32)


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
def test_panels_hold_adjacent_pairs_of_terms(shape: tuple[int, int]) -> None:
    matrix = random(*shape, seed=0)
    panels = gemm_bf16.pack(matrix)
    # (P, pairs, C, 2): terms are pairs times two, columns are panels times C.
    joined = as_floats(panels).transpose(1, 3, 0, 2).reshape(padded_terms(shape[0]), -1)
    assert (joined[: shape[0], : shape[1]] == round_to_bf16(matrix)).all()
    assert not joined[shape[0] :].any()
    assert not joined[:, shape[1] :].any()
    assert (gemm_bf16.pack_transposed(np.ascontiguousarray(matrix.T)) == panels).all()


@pytest.mark.parametrize("instructions", IMPLEMENTATIONS)
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
def test_each_implementation_adds_exact_products(
    instructions: Instructions, size: tuple[int, int, int]
) -> None:
    """Products of bfloat16 are exact in float32; sums are off by at most 2**-24 a term."""
    if instructions not in SUPPORTED[INSTRUCTIONS]:
        pytest.skip(f"this processor has no instructions of the kind {instructions}")
    rows, terms, columns = size
    add_product = IMPLEMENTATIONS[instructions]

    @numba.njit
    def add(sums, bits, packed):  # type: ignore[no-untyped-def]
        add_product(sums, bits, packed)

    values, matrix = random(rows, terms, seed=1), random(terms, columns, seed=2)
    # The sums are columns of longer rows, below two rows that must not change.
    wider = empty_padded(rows + 2, columns + 3)
    wider[:] = before = random(rows + 2, columns + 3, seed=3)
    add(wider[2:, :columns], matmul_bf16.to_bf16(values), gemm_bf16.pack(matrix))
    expected = before.astype(float)
    expected[2:, :columns] += round_to_bf16(values).astype(float) @ round_to_bf16(matrix)
    np.testing.assert_allclose(wider, expected, rtol=0, atol=terms * 4e-7)


def test_the_fastest_instructions_are_used() -> None:
    assert list(IMPLEMENTATIONS) == ["amx", "dot", "none"]
    assert gemm_bf16.add_product is IMPLEMENTATIONS[INSTRUCTIONS]
