"""Add bfloat16 matrix products to float32 sums inside compiled loops.

The scheme is that of ``gemm_fp32`` with factors rounded to bfloat16, the upper half of a float32.
Processors with instructions for it multiply several times as fast. Values are stored as uint16.

``pack`` copies a matrix into panels of ``PANEL_COLUMNS`` columns. Inside a panel, values of two
successive rows are adjacent, because one instruction adds two products to a sum.

Axes: R rows, K terms of a sum, J terms padded with zeros to whole blocks, N columns, P panels, C
columns of a panel, D the two terms of a pair.
"""

import ctypes
import platform
from collections.abc import Callable
from typing import Any, Final, Literal

import numba
import numpy as np
from llvmlite import binding
from numpy.typing import NDArray

from charloom.jit.decorator import compiled
from charloom.jit.intrinsic import IS_COMPILED
from charloom.network.alignment import aligned_zeros
from charloom.network.kernels.gemm_fp32 import TILE_ROWS, tiled_product
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
"""The number of terms of a sum is padded to a multiple of this."""

Instructions = Literal["amx", "dot", "none"]
"""Instructions used: Intel's matrix unit (AMX), AVX512-BF16 dot products, or float32 vectors."""


def _detect_instructions() -> Instructions:
    """Return the fastest instructions that the processor and the system offer.

    There are none where compilation is disabled.
    """
    if not IS_COMPILED:
        return "none"
    features = binding.get_host_cpu_features()
    if features.get("amx-bf16") and _request_amx():
        return "amx"
    return "dot" if features.get("avx512bf16") else "none"


def _request_amx() -> bool:
    """Return whether Linux permits this process to use the matrix unit.

    Calls arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA), Linux 5.16 and later: see
    https://docs.kernel.org/arch/x86/xstate.html.
    """
    if platform.system() != "Linux":
        return False
    return int(ctypes.CDLL(None).syscall(158, 0x1023, 18)) == 0


INSTRUCTIONS: Final = _detect_instructions()


def padded_terms(terms: int) -> int:
    """Return ``terms`` rounded up to a multiple of ``BLOCK_TERMS``."""
    return -(-terms // BLOCK_TERMS) * BLOCK_TERMS


@numba.njit(inline="always")
def to_bf16(word):
    """Round the bits of a float32 to those of a bfloat16; ties to even."""
    odd = (word >> np.uint32(16)) & np.uint32(1)
    return np.uint16((word + np.uint32(0x7FFF) + odd) >> np.uint32(16))


@numba.njit(inline="always")
def round_rows(words_RX, first, K, bits_RJ):
    """Write K columns of each row, from ``first``, as bfloat16 to ``bits_RJ``.

    ``words_RX`` are the bits of float32 values.
    """
    # Numba checks signed indices for negative values, which prevents vector instructions here. A
    # view of each row would cost more than rounding a short one.
    begin, stop = np.uint64(first), np.uint64(K)
    for r in range(words_RX.shape[0]):
        for k in range(stop):
            bits_RJ[r, k] = to_bf16(words_RX[r, begin + k])


def zero_panels(K: int, N: int) -> NDArray[np.uint16]:
    """Return panels of zeros for a matrix (K, N), (P, J / 2, C, D)."""
    return aligned_zeros(
        (-(-N // PANEL_COLUMNS), padded_terms(K) // 2, PANEL_COLUMNS, 2), np.uint16
    )


def pack(matrix_KN: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the panels of a matrix, (P, J / 2, C, D), padded with zeros."""
    panels = zero_panels(*matrix_KN.shape)
    _fill(matrix_KN.view(np.uint32), panels)
    return panels


def pack_transposed(matrix_NK: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the panels of the transpose of a matrix, (P, J / 2, C, D)."""
    panels = zero_panels(*matrix_NK.shape[::-1])
    _fill_transposed(matrix_NK.view(np.uint32), panels)
    return panels


@compiled()
def _fill(words_KN, panels):
    K, N = words_KN.shape
    P, J2 = panels.shape[:2]
    pairs = panels.reshape(P, J2, 2 * PANEL_COLUMNS)
    for k in range(0, K - 1, 2):
        for p in range(P):
            begin = p * PANEL_COLUMNS
            columns, pair = slice(begin, min(begin + PANEL_COLUMNS, N)), pairs[p, k // 2]
            first, second = words_KN[k, columns], words_KN[k + 1, columns]
            for c in range(len(first)):
                pair[2 * c] = to_bf16(first[c])
                pair[2 * c + 1] = to_bf16(second[c])
    if K % 2:
        for n in range(N):
            word = words_KN[K - 1, n]
            pairs[n // PANEL_COLUMNS, K // 2, 2 * (n % PANEL_COLUMNS)] = to_bf16(word)


@compiled()
def _fill_transposed(words_NK, panels):
    N, K = words_NK.shape
    for n in range(N):
        panel, c, words_K = panels[n // PANEL_COLUMNS], n % PANEL_COLUMNS, words_NK[n]
        for k in range(K):
            panel[k // 2, c, k % 2] = to_bf16(words_K[k])


@numba.njit(inline="always")
def _add_product_amx(sums_RN, bits_RJ, packed):
    """Multiply with the matrix unit, up to 32 rows at once."""
    R = bits_RJ.shape[0]
    config = np.zeros(64, np.uint8)
    for row in range(0, R, 2 * AMX_ROWS):
        upper = min(AMX_ROWS, R - row)
        lower = min(AMX_ROWS, R - row - upper)
        _write_tile_config(config, upper, lower)
        load_tile_config(config)
        for p in range(packed.shape[0]):
            if lower:
                add_two_tiles(sums_RN, bits_RJ, packed, row, p)
            else:
                add_one_tile(sums_RN, bits_RJ, packed, row, p)
    release_tiles()


@numba.njit(inline="always")
def _write_tile_config(config, upper, lower):
    """Write the shapes of the eight registers in the format of ldtilecfg.

    Registers 0 and 1 hold ``upper`` rows of sums, 2 and 3 ``lower`` rows; 4 and 5 the rows of the
    left factor; 6 and 7 a block of a panel. Byte 0 is the palette, bytes 16 to 31 hold the bytes of
    a row (16 bits each), bytes 48 to 55 the rows (Intel, Software Developer's Manual, LDTILECFG).
    """
    config[0] = 1
    for register in range(8):
        config[16 + 2 * register] = 64
    config[48] = config[49] = config[52] = upper
    config[50] = config[51] = config[53] = lower
    config[54] = config[55] = AMX_ROWS
    if lower == 0:
        for register in (2, 3, 5):
            config[16 + 2 * register] = 0


def _vector_add_product(multiply: Callable[[Any, Any, Any, Any], Any], *heights: int) -> Any:
    """Return ``add_product`` with vectors, in tiles of these heights.

    ``multiply`` is that of ``vector_intrinsic``.
    """
    return tiled_product({rows: vector_intrinsic(multiply, rows) for rows in heights})


IMPLEMENTATIONS: Final[dict[Instructions, Any]] = {
    "amx": _add_product_amx,
    "dot": _vector_add_product(emit_dot, 8, TILE_ROWS),
    "none": _vector_add_product(emit_two_products, TILE_ROWS),
}
add_product = IMPLEMENTATIONS[INSTRUCTIONS]
"""Add the product of rows of bfloat16 and a packed matrix to float32 sums, in place.

    add_product(sums_RN, bits_RJ, packed)

Requirements are those of ``gemm_fp32.add_product``. The J - K padding terms of each row are zeros.
"""
