"""Products of small matrices at the speed of the processor, for use within compiled loops.

A step of a recurrent layer multiplies few rows (streams) by a matrix that stays the same for many
steps. The matrix is packed once into panels of as many columns as a tile has; a tile of sums lives
in registers while a panel streams through them, as in Goto & van de Geijn, "Anatomy of
High-Performance Matrix Multiplication", ACM TOMS 34(3), 2008. The tile is written as LLVM vectors,
for no compiler finds it in plain loops.

Axes: R rows, K terms of a sum, N columns, P panels, C columns of a panel.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, Final

import numba
import numpy as np
from llvmlite import binding, ir
from numba import extending, types
from numpy.typing import NDArray

TILE_ROWS: Final = 4
"""Rows of a tile: products are made of so many rows at once."""
_LANES: Final = 16 if binding.get_host_cpu_features().get("avx512f") else 8
_VECTORS: Final = 2
TILE_COLUMNS: Final = _VECTORS * _LANES
"""Columns of a tile. Four rows of two vectors are eight sums: what hides the latency of a fused
multiply-add, while sixteen registers still hold all that a step needs."""

TAIL_PADDING: Final = 32
"""Room behind the last row of sums: the columns of the widest panel, those of bfloat16.py too."""

_FLOAT: Final = ir.FloatType()
_VECTOR: Final = ir.VectorType(_FLOAT, _LANES)
_INDEX: Final = ir.IntType(64)


@numba.njit(nogil=True, cache=True)
def pack(matrix_KN: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the panels of a matrix, (P, K, C), with zeros after the last column."""
    K, N = matrix_KN.shape
    panels_PKC = np.zeros((-(-N // TILE_COLUMNS), K, TILE_COLUMNS), np.float32)
    for k in range(K):
        for n in range(N):
            panels_PKC[n // TILE_COLUMNS, k, n % TILE_COLUMNS] = matrix_KN[k, n]
    return panels_PKC


@numba.njit(nogil=True, cache=True)
def pack_transposed(matrix_NK: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the panels of the transpose of a matrix, (P, K, C)."""
    N, K = matrix_NK.shape
    panels_PKC = np.zeros((-(-N // TILE_COLUMNS), K, TILE_COLUMNS), np.float32)
    # A panel at a time: what is written stays near while it is written to.
    for begin in range(0, N, TILE_COLUMNS):
        panel_KC = panels_PKC[begin // TILE_COLUMNS]
        for k in range(K):
            for n in range(begin, min(begin + TILE_COLUMNS, N)):
                panel_KC[k, n - begin] = matrix_NK[n, k]
    return panels_PKC


@numba.njit(nogil=True, cache=True)
def padded_rows(rows: int) -> int:
    """Return how many rows there are with those that fill up the last tile."""
    return -(-rows // TILE_ROWS) * TILE_ROWS


def empty_padded(*shape: int) -> NDArray[np.float32]:
    """Return an array, not filled, behind which there is room for the columns of a tile."""
    size = math.prod(shape)
    flat = np.empty(size + TAIL_PADDING, np.float32)
    flat[size:] = 0
    return flat[:size].reshape(shape)


@numba.njit(inline="always")
def add_product(sums, sums_at, sums_row, rows, rows_at, rows_row, row_tiles, packed_PKC):
    """Add the product of ``ROWS * groups`` rows and a packed matrix to sums, in place.

    ``sums`` and ``rows`` are flat; their first elements are ``sums_at`` and ``rows_at``, and a
    row is ``sums_row`` and ``rows_row`` elements after the one before. The columns that fill up the
    last panel get zeros added: there must be room for them behind the last row.
    """
    P, K, C = packed_PKC.shape
    packed = packed_PKC.reshape(P * K * C)
    for p in range(P):
        for g in range(row_tiles):
            _add_tile(
                sums,
                sums_at + g * TILE_ROWS * sums_row + p * C,
                sums_row,
                rows,
                rows_at + g * TILE_ROWS * rows_row,
                rows_row,
                packed,
                p * K * C,
                K,
            )


def tile_intrinsic(generate: Callable[..., Any]) -> Any:
    """Return a function for compiled code that is what ``generate`` writes.

    It adds the product of some rows and a panel to a tile of sums; ``terms`` is how often its loop
    goes round.
    """

    def add(
        context: Any,
        sums: Any,
        sums_at: Any,
        sums_row: Any,
        rows: Any,
        rows_at: Any,
        rows_row: Any,
        packed: Any,
        packed_at: Any,
        terms: Any,
    ) -> Any:
        index = types.int64
        signature = types.void(sums, index, index, rows, index, index, packed, index, index)
        return signature, generate

    return extending.intrinsic(add)


def emit_loop(
    builder: Any,
    most: Any,
    step: int,
    begun: list[Any],
    body: Callable[[Any, list[Any]], list[Any]],
) -> list[Any]:
    """Write a loop over 0, ``step`` ... below ``most``; return the values after it.

    ``body`` gets the number and the values so far, and returns the values after it.
    """
    before = builder.block
    loop = builder.append_basic_block("terms")
    end = builder.append_basic_block("end")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_INDEX)
    k.add_incoming(ir.Constant(_INDEX, 0), before)
    values = [builder.phi(value.type) for value in begun]
    after = body(k, values)
    for value, first, last in zip(values, begun, after, strict=True):
        value.add_incoming(first, before)
        value.add_incoming(last, loop)
    following = builder.add(k, ir.Constant(_INDEX, step))
    k.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, most), loop, end)
    builder.position_at_end(end)
    return after


def _emit_tile(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    def pointer(array: int) -> Any:
        made = context.make_array(signature.args[array])(context, builder, arguments[array])
        return builder.gep(made.data, [arguments[array + 1]])

    def number(value: int) -> Any:
        return ir.Constant(_INDEX, value)

    def vectors(first: Any) -> list[Any]:
        """Return where the vectors of a row of a tile begin."""
        starts = [builder.gep(first, [number(v * _LANES)]) for v in range(_VECTORS)]
        return [builder.bitcast(start, _VECTOR.as_pointer()) for start in starts]

    def rows_from(first: Any, distance: Any) -> list[Any]:
        return [builder.gep(first, [builder.mul(distance, number(r))]) for r in range(TILE_ROWS)]

    name = f"llvm.fmuladd.v{_LANES}f32"
    multiply_add = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), name
    )
    places = [place for row in rows_from(pointer(0), arguments[2]) for place in vectors(row)]
    inputs, panel = rows_from(pointer(3), arguments[5]), pointer(6)

    def body(k: Any, sums: list[Any]) -> list[Any]:
        row_of_panel = builder.gep(panel, [builder.mul(k, number(TILE_COLUMNS))])
        weights = [builder.load(place, align=4) for place in vectors(row_of_panel)]
        scalars = [builder.load(builder.gep(row, [k])) for row in inputs]
        factors = [splat(builder, scalar, _VECTOR) for scalar in scalars]
        pairs = itertools.product(factors, weights)
        return [
            builder.call(multiply_add, [factor, weight, value])
            for (factor, weight), value in zip(pairs, sums, strict=True)
        ]

    begun = [builder.load(place, align=4) for place in places]
    for value, place in zip(emit_loop(builder, arguments[8], 1, begun, body), places, strict=True):
        builder.store(value, place, align=4)
    return context.get_dummy_value()


_add_tile = tile_intrinsic(_emit_tile)


def splat(builder: Any, value: Any, vector: Any) -> Any:
    """Return a vector of a type of which every lane is ``value``."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, undefined, lanes)
