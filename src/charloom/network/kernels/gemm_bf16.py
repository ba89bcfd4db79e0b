"""Products of small matrices of bfloat16 with sums in float32, for use within compiled loops.

As in tiles.py, but for the numbers that are multiplied: these are rounded to bfloat16, the upper
half of a float32, in which processors multiply several times as fast. They are kept as uint16.

The matrix is packed into panels of ``COLUMNS`` columns; in a panel, the values of two rows of the
matrix that follow each other stand side by side, for an instruction adds two products to a sum.

Axes: R rows, K terms of a sum, filled up to J whole blocks, N columns, P panels, C columns of a
panel, D the two terms of a pair.
"""

import ctypes
import platform
from collections.abc import Callable
from typing import Any, Final, Literal

import numba
import numpy as np
from llvmlite import binding
from numpy.typing import NDArray

from charloom.network.kernels.gemm_fp32 import TILE_ROWS
from charloom.network.kernels.intrinsics import (
    AMX_ROWS,
    BLOCK_PAIRS,
    PANEL_COLUMNS,
    add_one_tile,
    add_two_tiles,
    emit_dot,
    emit_two_products,
    load_tile_config,
    release_tiles,
    vector_intrinsic,
)

BLOCK_TERMS: Final = 2 * BLOCK_PAIRS
"""Terms of a sum come in blocks of so many."""

Instructions = Literal["amx", "dot", "none"]
"""What multiplies: a matrix unit (Intel's AMX), sums of two products (AVX512-BF16), or float32."""


def _detect_instructions() -> Instructions:
    """Return the fastest instructions that this processor and its system offer."""
    features = binding.get_host_cpu_features()
    if features.get("amx-bf16") and _request_amx():
        return "amx"
    return "dot" if features.get("avx512bf16") else "none"


def _request_amx() -> bool:
    """Ask Linux for the registers of the matrix unit, which it saves only for those who ask.

    arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA), Linux 5.16 and later.
    """
    if platform.system() != "Linux":
        return False
    return int(ctypes.CDLL(None).syscall(158, 0x1023, 18)) == 0


INSTRUCTIONS: Final = _detect_instructions()


@numba.njit(nogil=True, cache=True)
def padded_terms(terms: int) -> int:
    """Return how many terms there are with those that fill up the last block."""
    return -(-terms // BLOCK_TERMS) * BLOCK_TERMS


@numba.njit(inline="always")
def to_bf16(word):
    """Return the bfloat16 that is nearest to a float32, both as their bits; ties go to even."""
    odd = (word >> np.uint32(16)) & np.uint32(1)
    return np.uint16((word + np.uint32(0x7FFF) + odd) >> np.uint32(16))


@numba.njit(inline="always")
def round_row(values_K, rounded_J):
    """Write the values of a row as bfloat16."""
    words_K = values_K.view(np.uint32)
    for k in range(len(values_K)):
        rounded_J[k] = to_bf16(words_K[k])


@numba.njit(nogil=True, cache=True)
def pack(matrix_KN: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the panels of a matrix, (P, J / 2, C, D), with zeros where it has no values."""
    K, N = matrix_KN.shape
    words_KN = matrix_KN.view(np.uint32)
    P, J2 = -(-N // PANEL_COLUMNS), padded_terms(K) // 2
    panels = np.zeros((P, J2, PANEL_COLUMNS, 2), np.uint16)
    pairs = panels.reshape(P, J2, 2 * PANEL_COLUMNS)
    for k in range(0, K - 1, 2):
        for p in range(P):
            columns, pair = (
                slice(p * PANEL_COLUMNS, min(p * PANEL_COLUMNS + PANEL_COLUMNS, N)),
                pairs[p, k // 2],
            )
            upper, lower = words_KN[k, columns], words_KN[k + 1, columns]
            for c in range(len(upper)):
                pair[2 * c] = to_bf16(upper[c])
                pair[2 * c + 1] = to_bf16(lower[c])
    if K % 2:
        for n in range(N):
            pairs[n // PANEL_COLUMNS, K // 2, 2 * (n % PANEL_COLUMNS)] = to_bf16(words_KN[K - 1, n])
    return panels


@numba.njit(nogil=True, cache=True)
def pack_transposed(matrix_NK: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the panels of the transpose of a matrix."""
    N, K = matrix_NK.shape
    words_NK = matrix_NK.view(np.uint32)
    panels = np.zeros((-(-N // PANEL_COLUMNS), padded_terms(K) // 2, PANEL_COLUMNS, 2), np.uint16)
    for p in range(len(panels)):
        panel = panels[p].reshape(-1, PANEL_COLUMNS, 2)
        for c in range(min(PANEL_COLUMNS, N - p * PANEL_COLUMNS)):
            words_K = words_NK[p * PANEL_COLUMNS + c]
            for k in range(K):
                panel[k // 2, c, k % 2] = to_bf16(words_K[k])
    return panels


@numba.njit(inline="always")
def _add_product_amx(sums, sums_at, sums_row, rows, rows_at, rows_row, count, packed):
    """Have the matrix unit multiply, up to 32 rows at once."""
    P, J2 = packed.shape[:2]
    flat = packed.reshape(P * J2 * PANEL_COLUMNS * 2)
    shape = np.zeros(64, np.uint8)
    for first in range(0, count, 2 * AMX_ROWS):
        upper = min(AMX_ROWS, count - first)
        lower = min(AMX_ROWS, count - first - upper)
        _write_tile_config(shape, upper, lower)
        load_tile_config(shape)
        sums_first = sums_at + first * sums_row
        rows_first = rows_at + first * rows_row
        for p in range(P):
            to, panel_at = sums_first + p * PANEL_COLUMNS, p * J2 * PANEL_COLUMNS * 2
            if lower:
                add_two_tiles(sums, to, sums_row, rows, rows_first, rows_row, flat, panel_at, J2)
            else:
                add_one_tile(sums, to, sums_row, rows, rows_first, rows_row, flat, panel_at, J2)
    release_tiles()


@numba.njit(inline="always")
def _write_tile_config(shape, upper, lower):
    """Write the shapes of the registers: 0 to 3 sums, 4 and 5 rows, 6 and 7 a block of a panel."""
    shape[0] = 1
    for tile in range(8):
        shape[16 + 2 * tile] = 64
    shape[48] = shape[49] = shape[52] = upper
    shape[50] = shape[51] = shape[53] = lower
    shape[54] = shape[55] = AMX_ROWS
    if lower == 0:
        for tile in (2, 3, 5):
            shape[16 + 2 * tile] = 0


def _vector_add_product(multiply: Callable[[Any, Any, Any, Any], Any]) -> Any:
    """Return what multiplies with vectors, as ``_add_by_tiles`` does with the matrix unit."""
    add_tile = vector_intrinsic(multiply)

    @numba.njit(inline="always")
    def add(sums, sums_at, sums_row, rows, rows_at, rows_row, count, packed):
        P, J2 = packed.shape[:2]
        flat = packed.reshape(P * J2 * PANEL_COLUMNS * 2)
        for p in range(P):
            panel_at = p * J2 * PANEL_COLUMNS * 2
            for r in range(0, count, TILE_ROWS):
                to, of = sums_at + r * sums_row + p * PANEL_COLUMNS, rows_at + r * rows_row
                add_tile(sums, to, sums_row, rows, of, rows_row, flat, panel_at, J2)

    return add


IMPLEMENTATIONS: Final[dict[Instructions, Any]] = {
    "amx": _add_product_amx,
    "dot": _vector_add_product(emit_dot),
    "none": _vector_add_product(emit_two_products),
}
add_product = IMPLEMENTATIONS[INSTRUCTIONS]
"""Add the product of rows of bfloat16 and a packed matrix to sums, in place.

    add_product(sums, sums_at, sums_row, rows, rows_at, rows_row, count, packed)

As tiles.add_product, for ``count`` rows, a multiple of ROWS; ``rows_row`` is at least J, and the
values after the K terms of a row are zeros.
"""
