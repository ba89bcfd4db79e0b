"""LLVM instructions that multiply rows of bfloat16 by a packed panel.

With Intel's matrix unit (AMX), up to two by two tiles of 16 x 16 sums stay in its registers. With
vectors, some rows by two vectors do, as in ``gemm_fp32``. Every tile function adds to the sums in
place and is called as ``add_tile(sums_RN, rows_RJ, packed, row, panel)``.

Instruction names are those of LLVM's x86 target (llvm/include/llvm/IR/IntrinsicsX86.td). Numba
keeps the code of callers on disk: see ``exact_compiled`` before changing this file.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import extending, types
from numpy.typing import NDArray

from charloom.network.kernels.emit import (
    advance,
    byte_pointer,
    declare,
    emit_loop,
    row_pointers,
    splat,
)
from charloom.network.kernels.gemm_fp32 import (
    TileOperands,
    emit_sums,
    python_tile,
    tile_intrinsic,
    vector_pointers,
)

PANEL_COLUMNS: Final = 32
"""Columns of a panel."""
BLOCK_PAIRS: Final = 16
"""Pairs of terms in a block: one row of a register of the matrix unit."""
AMX_ROWS: Final = 16
"""Most rows of a register of the matrix unit."""
_LANES: Final = 16


class _BFloat(ir.Type):  # type: ignore[misc]
    """LLVM's type bfloat, which llvmlite does not define."""

    def __str__(self) -> str:
        return "bfloat"


_INDEX: Final = ir.IntType(64)
_BYTE: Final = ir.IntType(8)
_POINTER: Final = _BYTE.as_pointer()
_VOID: Final = ir.VoidType()
_WORD: Final = ir.IntType(32)
_WORDS: Final = ir.VectorType(_WORD, _LANES)
_FLOATS: Final = ir.VectorType(ir.FloatType(), _LANES)
_BFLOATS: Final = ir.VectorType(_BFloat(), 2 * _LANES)


def _index(value: int) -> Any:
    return ir.Constant(_INDEX, value)


@extending.intrinsic
def load_tile_config(context: Any, config: Any) -> Any:
    """Set the shapes of the registers of the matrix unit from 64 bytes (ldtilecfg)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        load = declare(builder, "llvm.x86.ldtilecfg", _VOID, _POINTER)
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        builder.call(load, [byte_pointer(builder, array.data)])
        return context.get_dummy_value()

    return types.void(config), generate


@extending.intrinsic
def release_tiles(context: Any) -> Any:
    """Clear the registers of the matrix unit (tilerelease)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.call(declare(builder, "llvm.x86.tilerelease", _VOID), [])
        return context.get_dummy_value()

    return types.void(), generate


def _emit_amx_tiles(two: bool, builder: Any, tile: TileOperands) -> None:
    """Emit the product of up to 16 rows, or 32 if ``two``, and a panel.

    Registers 0 to 3 hold sums, 4 and 5 rows, 6 and 7 the two halves of a block of the panel.
    """
    load = declare(builder, "llvm.x86.tileloadd64", _VOID, _BYTE, _POINTER, _INDEX)
    store = declare(builder, "llvm.x86.tilestored64", _VOID, _BYTE, _POINTER, _INDEX)
    multiply = declare(builder, "llvm.x86.tdpbf16ps", _VOID, _BYTE, _BYTE, _BYTE)

    def register(number: int) -> Any:
        return ir.Constant(_BYTE, number)

    def row_groups(first: Any, stride: Any) -> list[Any]:
        """Return byte pointers to the first row of each register."""
        second = advance(builder, first, _index(AMX_ROWS), stride)
        return [first, second] if two else [first]

    half = _index(4 * _LANES)
    panel_row = _index(4 * PANEL_COLUMNS)
    sums = [
        (2 * r + c, place)
        for r, row in enumerate(row_groups(tile.sums, tile.sums_stride))
        for c, place in enumerate((row, builder.gep(row, [half])))
    ]
    rows = row_groups(tile.rows, tile.rows_stride)
    for number, place in sums:
        builder.call(load, [register(number), place, tile.sums_stride])

    def body(pair: Any, none: list[Any]) -> list[Any]:
        for r, row in enumerate(rows):
            block = advance(builder, row, pair, _index(4))
            builder.call(load, [register(4 + r), block, tile.rows_stride])
        block = advance(builder, tile.panel, pair, panel_row)
        for c, place in enumerate((block, builder.gep(block, [half]))):
            builder.call(load, [register(6 + c), place, panel_row])
            for r in range(len(rows)):
                builder.call(multiply, [register(2 * r + c), register(4 + r), register(6 + c)])
        return none

    emit_loop(builder, tile.terms, BLOCK_PAIRS, [], body)
    # The padding columns of a row overlap the first columns of the next row in memory. The right
    # half is therefore stored before the left one.
    for number, place in sorted(sums, key=lambda entry: (entry[0] // 2, -entry[0])):
        builder.call(store, [register(number), place, tile.sums_stride])


def _floats(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the float32 values of bfloat16 values."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _panel_floats(panel: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the matrix of a panel (J / 2, C, D) as (J, C)."""
    pairs, columns, _ = panel.shape
    return _floats(panel.transpose(0, 2, 1).reshape(2 * pairs, columns))


def _bf16_tile(emit: Callable[..., None], rows: int) -> Any:
    """Return the intrinsic of a tile of ``rows`` rows of bfloat16."""
    return tile_intrinsic(emit, python_tile(rows, _panel_floats, _floats))


add_one_tile = _bf16_tile(functools.partial(_emit_amx_tiles, False), AMX_ROWS)
add_two_tiles = _bf16_tile(functools.partial(_emit_amx_tiles, True), 2 * AMX_ROWS)


def vector_intrinsic(multiply: Callable[[Any, Any, Any, Any], Any], rows: int) -> Any:
    """Return the intrinsic that multiplies some rows and a panel by vectors.

    ``multiply(builder, sums, left, right)`` emits the update of a vector of sums by the two
    products of each pair of terms.
    """
    return _bf16_tile(functools.partial(_emit_vectors, multiply, rows), rows)


def _emit_vectors(
    multiply: Callable[[Any, Any, Any, Any], Any], rows: int, builder: Any, tile: TileOperands
) -> None:
    places = row_pointers(builder, tile.rows, tile.rows_stride, rows)

    def body(pair: Any, sums: list[Any]) -> list[Any]:
        block = advance(builder, tile.panel, pair, _index(4 * PANEL_COLUMNS))
        weights = [
            builder.load(place, align=2) for place in vector_pointers(builder, block, _WORDS)
        ]
        words = [advance(builder, place, pair, _index(4)) for place in places]
        pairs = [builder.load(builder.bitcast(word, _WORD.as_pointer()), align=2) for word in words]
        factors = [splat(builder, value, _WORDS) for value in pairs]
        both = itertools.product(factors, weights)
        return [multiply(builder, s, f, w) for (f, w), s in zip(both, sums, strict=True)]

    emit_sums(builder, tile, rows, _FLOATS, body)


def emit_dot(builder: Any, sums: Any, left: Any, right: Any) -> Any:
    """Emit the AVX512-BF16 instruction that adds two products to each sum."""
    name = "llvm.x86.avx512bf16.dpbf16ps.512"
    function = declare(builder, name, _FLOATS, _FLOATS, _BFLOATS, _BFLOATS)
    return builder.call(function, [sums, *(builder.bitcast(v, _BFLOATS) for v in (left, right))])


def emit_two_products(builder: Any, sums: Any, left: Any, right: Any) -> Any:
    """Emit two float32 multiply-adds; products of bfloat16 are exact in them."""
    name = f"llvm.fmuladd.v{_LANES}f32"
    function = declare(builder, name, _FLOATS, _FLOATS, _FLOATS, _FLOATS)
    for bits in (16, 0):
        pair = []
        for vector in (left, right):
            # The first term of a pair is the lower half of its 32-bit word.
            shifted = builder.shl(vector, ir.Constant(_WORDS, [bits] * _LANES))
            upper = builder.and_(shifted, ir.Constant(_WORDS, [0xFFFF0000] * _LANES))
            pair.append(builder.bitcast(upper, _FLOATS))
        sums = builder.call(function, [*pair, sums])
    return sums
