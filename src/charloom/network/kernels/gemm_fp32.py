"""Add float32 matrix products to an array inside compiled loops.

One time step of a recurrent layer multiplies few rows (the sequences of a batch) by a matrix that
stays the same for all steps. ``pack`` copies the matrix once into panels of ``TILE_COLUMNS``
columns. ``add_product`` then keeps a tile of some rows x TILE_COLUMNS sums in vector registers
while it reads a panel from top to bottom (Goto & van de Geijn, "Anatomy of High-Performance Matrix
Multiplication", ACM TOMS 34(3), 2008). The tile is emitted as LLVM vector instructions, because
LLVM did not derive it from plain loops. Each sum adds its terms in order, so it does not depend on
the height of its tile.

Axes: R rows, K terms of a sum, N columns, P panels, C columns of a panel.
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numba
import numpy as np
from llvmlite import binding, ir
from numba import extending, types
from numba.core import cgutils
from numpy.typing import NDArray

from charloom.jit.decorator import compiled
from charloom.jit.intrinsic import intrinsic
from charloom.network.alignment import aligned_zeros
from charloom.network.kernels.blocks import BLOCK, copy_block, transpose_block
from charloom.network.kernels.emit import (
    advance,
    byte_pointer,
    declare,
    emit_loop,
    row_pointers,
    splat,
)

TILE_ROWS: Final = 4
"""Rows of a low tile; the number of rows of a product is a multiple of it. Four rows of two vectors
are eight independent sums, which hide the latency of a fused multiply-add."""
AVX512: Final = bool(binding.get_host_cpu_features().get("avx512f"))
TILE_HEIGHTS: Final = (12, 8, TILE_ROWS) if AVX512 else (6, TILE_ROWS)
"""Rows of tiles. Tall tiles read each panel less often. Their sums and operands fit into the 32
vector registers of AVX-512, or the 16 of AVX2."""
_LANES: Final = 16 if AVX512 else 8
_VECTORS: Final = 2
TILE_COLUMNS: Final = _VECTORS * _LANES
"""Columns of a tile."""

TAIL_PADDING: Final = 32
"""Writable elements required after the last row of sums: the columns of the widest panel of this
module or of ``gemm_bf16``."""

_FLOAT: Final = ir.FloatType()
_VECTOR: Final = ir.VectorType(_FLOAT, _LANES)
_INDEX: Final = ir.IntType(64)


def pack(matrix_KN: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the panels of a matrix, (P, K, C), with zeros after the last column."""
    panels_PKC = _zero_panels(*matrix_KN.shape)
    _fill(matrix_KN, panels_PKC)
    return panels_PKC


def pack_transposed(matrix_NK: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the panels of the transpose of a matrix, (P, K, C)."""
    panels_PKC = _zero_panels(*matrix_NK.shape[::-1])
    _fill_transposed(matrix_NK, panels_PKC)
    return panels_PKC


def _zero_panels(K: int, N: int) -> NDArray[np.float32]:
    """Return panels of zeros for a matrix (K, N), (P, K, C).

    No compiled function allocates them, because Numba takes long to compile and to load such code.
    """
    return aligned_zeros((-(-N // TILE_COLUMNS), K, TILE_COLUMNS))


@compiled()
def _fill(matrix_KN, panels_PKC):
    K, N = matrix_KN.shape
    blocks = K - K % BLOCK
    for begin in range(0, N, TILE_COLUMNS):
        panel_KC = panels_PKC[begin // TILE_COLUMNS]
        if begin + TILE_COLUMNS <= N:
            for k in range(0, blocks, BLOCK):
                for c in range(0, TILE_COLUMNS, BLOCK):
                    copy_block(matrix_KN, k, begin + c, panel_KC, k, c)
            rest = blocks
        else:
            rest = 0
        for k in range(rest, K):
            for n in range(begin, min(begin + TILE_COLUMNS, N)):
                panel_KC[k, n - begin] = matrix_KN[k, n]


@compiled()
def _fill_transposed(matrix_NK, panels_PKC):
    N, K = matrix_NK.shape
    blocks = K - K % BLOCK
    for begin in range(0, N, TILE_COLUMNS):
        panel_KC = panels_PKC[begin // TILE_COLUMNS]
        if begin + TILE_COLUMNS <= N:
            for k in range(0, blocks, BLOCK):
                for c in range(0, TILE_COLUMNS, BLOCK):
                    transpose_block(matrix_NK, begin + c, k, panel_KC, k, c)
            rest = blocks
        else:
            rest = 0
        for k in range(rest, K):
            for n in range(begin, min(begin + TILE_COLUMNS, N)):
                panel_KC[k, n - begin] = matrix_NK[n, k]


@extending.register_jitable
def padded_rows(rows: int) -> int:
    """Return ``rows`` rounded up to a multiple of ``TILE_ROWS``."""
    return -(-rows // TILE_ROWS) * TILE_ROWS


def empty_padded(*shape: int) -> NDArray[np.float32]:
    """Return an uninitialized array with ``TAIL_PADDING`` writable elements behind it."""
    size = math.prod(shape)
    flat = np.empty(size + TAIL_PADDING, np.float32)
    flat[size:] = 0
    return flat[:size].reshape(shape)


def tiled_product(intrinsics: Mapping[int, Any]) -> Any:
    """Return a compiled product that divides rows into tiles, the tallest ones first.

    ``intrinsics`` (``tile_intrinsic``) have their number of rows as key, in decreasing order. The
    last number is TILE_ROWS.
    """
    add_rows = _add_no_rows
    for rows, add_tile in reversed(list(intrinsics.items())):
        add_rows = _add_tiles(rows, add_tile, add_rows)

    @numba.njit(inline="always")
    def add_product(sums_RN, rows_RK, packed_PKC):
        for p in range(packed_PKC.shape[0]):
            add_rows(sums_RN, rows_RK, packed_PKC, p, 0)

    return add_product


def _add_tiles(rows: int, add_tile: Any, add_rest: Any) -> Any:
    """Return a compiled product of the rows from ``first`` and a panel."""
    # Whole groups leave a multiple of TILE_ROWS.
    group = math.lcm(rows, TILE_ROWS)

    @numba.njit(inline="always")
    def add_rows(sums_RN, rows_RK, packed_PKC, p, first):
        R = rows_RK.shape[0]
        last = R - (R - first) % group
        for r in range(first, last, rows):
            add_tile(sums_RN, rows_RK, packed_PKC, r, p)
        add_rest(sums_RN, rows_RK, packed_PKC, p, last)

    return add_rows


@numba.njit(inline="always")
def _add_no_rows(sums_RN, rows_RK, packed_PKC, p, first):
    """Add nothing, after the last tile."""


def tile_intrinsic(emit: Callable[..., Any], python: Callable[..., Any]) -> Any:
    """Return an intrinsic ``add_tile(sums_RN, rows_RK, packed, row, panel)``.

    The intrinsic adds the product of some rows, from ``row``, and one panel to a tile of sums.
    ``emit`` writes its LLVM instructions, given a ``TileOperands``; ``python`` is the same function
    in plain Python.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit(builder, TileOperands(context, builder, signature, arguments))
        return context.get_dummy_value()

    def add_tile(context: Any, sums: Any, rows: Any, packed: Any, row: Any, panel: Any) -> Any:
        return types.void(sums, rows, packed, types.int64, types.int64), generate

    return intrinsic(add_tile, python)


def python_tile(
    rows: int, to_matrix: Callable[[Any], Any], to_floats: Callable[[Any], Any]
) -> Callable[..., None]:
    """Return ``add_tile`` in plain Python, for ``rows`` rows.

    ``to_matrix`` returns the float32 matrix of a panel, and ``to_floats`` the float32 values of
    rows.
    """

    def add_tile(sums_RN: Any, rows_RK: Any, packed: Any, row: int, panel: int) -> None:
        matrix_KC = to_matrix(packed[panel])
        first = panel * matrix_KC.shape[1]
        tile = sums_RN[row : row + rows, first : first + matrix_KC.shape[1]]
        left = to_floats(rows_RK[row : row + rows])[:, : len(matrix_KC)]
        tile += left @ matrix_KC[:, : tile.shape[1]]

    return add_tile


class TileOperands:
    """LLVM values of a tile's operands: byte pointers, and strides in bytes."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        sums, rows, packed = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        )
        row, panel = arguments[3:]
        shape = cgutils.unpack_tuple(builder, packed.shape)
        panel_bytes = cgutils.unpack_tuple(builder, packed.strides)[0]
        self.sums_stride = cgutils.unpack_tuple(builder, sums.strides)[0]
        """Distance of two rows of sums."""
        self.rows_stride = cgutils.unpack_tuple(builder, rows.strides)[0]
        """Distance of two rows of the left factor."""
        self.terms = shape[1]
        """Iterations over the panel."""
        self.panel = advance(builder, byte_pointer(builder, packed.data), panel, panel_bytes)
        self.rows = advance(builder, byte_pointer(builder, rows.data), row, self.rows_stride)
        first_row = advance(builder, byte_pointer(builder, sums.data), row, self.sums_stride)
        # A row of a panel has C = shape[2] columns, and sums are float32.
        columns = builder.mul(shape[2], ir.Constant(_INDEX, 4))
        self.sums = advance(builder, first_row, panel, columns)


def emit_sums(
    builder: Any,
    tile: TileOperands,
    rows: int,
    vector: Any,
    body: Callable[[Any, list[Any]], list[Any]],
) -> None:
    """Emit loads of ``rows`` x 2 vectors of sums, the loop, and the stores.

    ``body`` is that of ``emit_loop``; its values are the vectors of sums, row by row.
    """
    places = [
        place
        for row in row_pointers(builder, tile.sums, tile.sums_stride, rows)
        for place in vector_pointers(builder, row, vector)
    ]
    initial = [builder.load(place, align=4) for place in places]
    sums = emit_loop(builder, tile.terms, 1, initial, body)
    for value, place in zip(sums, places, strict=True):
        builder.store(value, place, align=4)


def vector_pointers(builder: Any, first: Any, vector: Any) -> list[Any]:
    """Return pointers to two adjacent LLVM vectors, from a byte pointer."""
    starts = [builder.gep(first, [ir.Constant(_INDEX, 4 * vector.count * v)]) for v in range(2)]
    return [builder.bitcast(start, vector.as_pointer()) for start in starts]


def _emit_tile(rows: int, builder: Any, tile: TileOperands) -> None:
    multiply_add = declare(builder, f"llvm.fmuladd.v{_LANES}f32", _VECTOR, *[_VECTOR] * 3)
    places = [
        builder.bitcast(row, _FLOAT.as_pointer())
        for row in row_pointers(builder, tile.rows, tile.rows_stride, rows)
    ]

    def body(k: Any, sums: list[Any]) -> list[Any]:
        panel_row = advance(builder, tile.panel, k, ir.Constant(_INDEX, 4 * TILE_COLUMNS))
        weights = [
            builder.load(place, align=4) for place in vector_pointers(builder, panel_row, _VECTOR)
        ]
        values = [builder.load(builder.gep(place, [k])) for place in places]
        factors = [splat(builder, value, _VECTOR) for value in values]
        pairs = itertools.product(factors, weights)
        return [
            builder.call(multiply_add, [factor, weight, value])
            for (factor, weight), value in zip(pairs, sums, strict=True)
        ]

    emit_sums(builder, tile, rows, _VECTOR, body)


add_product = tiled_product(
    {
        rows: tile_intrinsic(
            functools.partial(_emit_tile, rows), python_tile(rows, np.asarray, np.asarray)
        )
        for rows in TILE_HEIGHTS
    }
)
"""Add the product of rows and a packed matrix to sums, in place.

    add_product(sums_RN, rows_RK, packed_PKC)

R is a multiple of ``TILE_ROWS``. Both arrays may be column slices of wider arrays; only their last
axis must be contiguous. Zeros are added to the columns from N to P * C of each row, which therefore
must be writable: ``empty_padded`` makes them so for the last row.
"""
