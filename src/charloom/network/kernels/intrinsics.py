"""What multiplies rows of bfloat16 and a panel, as LLVM's instructions: for arithmetic/bfloat16.py.

With the matrix unit, up to two tiles of 16 rows by two tiles of 16 columns of sums lie in its
registers; with vectors, ROWS rows by two vectors do, as in tiles.py. Either adds to sums in place,

    add(sums, sums_at, sums_row, rows, rows_at, rows_row, packed, packed_at, pairs)

where all arrays are flat, ``_at`` is where a tile begins, ``_row`` the distance of rows, and
``pairs`` the number of pairs of terms. Compiled code that calls these is on disk: see compiled.py.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import extending, types

from charloom.network.kernels.gemm_fp32 import TILE_ROWS, emit_loop, splat, tile_intrinsic

PANEL_COLUMNS: Final = 32
"""Columns of a panel."""
BLOCK_PAIRS: Final = 16
"""Pairs of terms in a block: what a register of a matrix unit holds of a row."""
AMX_ROWS: Final = 16
"""The most rows that such a register has."""
_LANES: Final = 16


class _BFloat(ir.Type):  # type: ignore[misc]
    """LLVM's bfloat, which llvmlite has no name for."""

    def __str__(self) -> str:
        return "bfloat"


_INDEX: Final = ir.IntType(64)
_BYTE: Final = ir.IntType(8)
_WORD: Final = ir.IntType(32)
_WORDS: Final = ir.VectorType(_WORD, _LANES)
_FLOATS: Final = ir.VectorType(ir.FloatType(), _LANES)
_HALVES: Final = ir.VectorType(_BFloat(), 2 * _LANES)


def _declare(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def _address(context: Any, builder: Any, kind: Any, array: Any, at: Any = None) -> Any:
    """Return where an element of an array is, as a pointer to bytes."""
    data = context.make_array(kind)(context, builder, array).data
    element = data if at is None else builder.gep(data, [at])
    return builder.bitcast(element, _BYTE.as_pointer())


def _argument_address(
    context: Any, builder: Any, signature: Any, arguments: Any, array: int
) -> Any:
    """Return where what an argument tells to begin in the array before it begins."""
    at = arguments[array + 1]
    return _address(context, builder, signature.args[array], arguments[array], at)


def _index(value: int) -> Any:
    return ir.Constant(_INDEX, value)


@extending.intrinsic
def load_tile_config(context: Any, shape: Any) -> Any:
    """Set the shapes of the registers of the matrix unit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        load = _declare(builder, "llvm.x86.ldtilecfg", ir.VoidType(), _BYTE.as_pointer())
        builder.call(load, [_address(context, builder, signature.args[0], arguments[0])])
        return context.get_dummy_value()

    return types.void(shape), generate


@extending.intrinsic
def release_tiles(context: Any) -> Any:
    """Leave the matrix unit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.call(_declare(builder, "llvm.x86.tilerelease", ir.VoidType()), [])
        return context.get_dummy_value()

    return types.void(), generate


def _emit_amx_tiles(lower: bool, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, void = _BYTE.as_pointer(), ir.VoidType()
    load = _declare(builder, "llvm.x86.tileloadd64", void, _BYTE, pointer, _INDEX)
    store = _declare(builder, "llvm.x86.tilestored64", void, _BYTE, pointer, _INDEX)
    multiply = _declare(builder, "llvm.x86.tdpbf16ps", void, _BYTE, _BYTE, _BYTE)

    def tile(value: int) -> Any:
        return ir.Constant(_BYTE, value)

    address = functools.partial(_argument_address, context, builder, signature, arguments)

    def below(first: Any, distance: Any) -> list[Any]:
        """Return where the tiles of rows begin."""
        far = builder.mul(distance, _index(AMX_ROWS))
        return [first, builder.gep(first, [far])] if lower else [first]

    sums_row = builder.mul(arguments[2], _index(4))
    rows_row = builder.mul(arguments[5], _index(2))
    half = _index(4 * _LANES)
    sums = [
        (2 * r + c, place)
        for r, row in enumerate(below(address(0), sums_row))
        for c, place in enumerate((row, builder.gep(row, [half])))
    ]
    inputs, panel = below(address(3), rows_row), address(6)
    for number_, place in sums:
        builder.call(load, [tile(number_), place, sums_row])

    def body(j: Any, none: list[Any]) -> list[Any]:
        distance = builder.mul(j, _index(4))
        for r, row in enumerate(inputs):
            builder.call(load, [tile(4 + r), builder.gep(row, [distance]), rows_row])
        block = builder.gep(panel, [builder.mul(j, _index(4 * PANEL_COLUMNS))])
        for c, place in enumerate((block, builder.gep(block, [half]))):
            builder.call(load, [tile(6 + c), place, _index(4 * PANEL_COLUMNS)])
            for r in range(len(inputs)):
                builder.call(multiply, [tile(2 * r + c), tile(4 + r), tile(6 + c)])
        return none

    emit_loop(builder, arguments[8], BLOCK_PAIRS, [], body)
    # What fills up the last columns lies in the first columns of the row below: these come later.
    for number_, place in sorted(sums, key=lambda entry: (entry[0] // 2, -entry[0])):
        builder.call(store, [tile(number_), place, sums_row])
    return context.get_dummy_value()


add_one_tile = tile_intrinsic(functools.partial(_emit_amx_tiles, False))
add_two_tiles = tile_intrinsic(functools.partial(_emit_amx_tiles, True))


def vector_intrinsic(multiply: Callable[[Any, Any, Any, Any], Any]) -> Any:
    """Return what adds the product of ROWS rows and a panel to sums, with vectors.

    ``multiply`` writes what adds to a vector of sums the two products of each pair of two vectors.
    """
    return tile_intrinsic(functools.partial(_emit_vectors, multiply))


def _emit_vectors(
    multiply: Callable[[Any, Any, Any, Any], Any],
    context: Any,
    builder: Any,
    signature: Any,
    arguments: Any,
) -> Any:
    address = functools.partial(_argument_address, context, builder, signature, arguments)

    def at(first: Any, distance: Any, kind: Any) -> Any:
        return builder.bitcast(builder.gep(first, [distance]), kind.as_pointer())

    def rows_from(first: Any, row: Any, size: int) -> list[Any]:
        bytes_ = builder.mul(row, _index(size))
        return [builder.gep(first, [builder.mul(bytes_, _index(r))]) for r in range(TILE_ROWS)]

    halves = [_index(0), _index(4 * _LANES)]
    sums_rows = rows_from(address(0), arguments[2], 4)
    places = [at(row, h, _FLOATS) for row in sums_rows for h in halves]
    inputs, panel = rows_from(address(3), arguments[5], 2), address(6)

    def body(j: Any, sums: list[Any]) -> list[Any]:
        block = builder.gep(panel, [builder.mul(j, _index(4 * PANEL_COLUMNS))])
        weights = [builder.load(at(block, h, _WORDS), align=2) for h in halves]
        distance = builder.mul(j, _index(4))
        pairs = [builder.load(at(row, distance, _WORD), align=2) for row in inputs]
        factors = [splat(builder, pair, _WORDS) for pair in pairs]
        both = itertools.product(factors, weights)
        return [multiply(builder, s, f, w) for (f, w), s in zip(both, sums, strict=True)]

    begun = [builder.load(place, align=4) for place in places]
    for value, place in zip(emit_loop(builder, arguments[8], 1, begun, body), places, strict=True):
        builder.store(value, place, align=4)
    return context.get_dummy_value()


def emit_dot(builder: Any, sums: Any, left: Any, right: Any) -> Any:
    """Multiply by an instruction that adds two products to a sum."""
    name = "llvm.x86.avx512bf16.dpbf16ps.512"
    function = _declare(builder, name, _FLOATS, _FLOATS, _HALVES, _HALVES)
    return builder.call(function, [sums, *(builder.bitcast(v, _HALVES) for v in (left, right))])


def emit_two_products(builder: Any, sums: Any, left: Any, right: Any) -> Any:
    """Multiply in float32, in which the product of two bfloat16 is exact."""
    name = f"llvm.fmuladd.v{_LANES}f32"
    function = _declare(builder, name, _FLOATS, _FLOATS, _FLOATS, _FLOATS)
    for bits in (16, 0):
        pair = []
        for vector in (left, right):
            # The first term of a pair is the lower half of its word.
            shifted = builder.shl(vector, ir.Constant(_WORDS, [bits] * _LANES))
            upper = builder.and_(shifted, ir.Constant(_WORDS, [0xFFFF0000] * _LANES))
            pair.append(builder.bitcast(upper, _FLOATS))
        sums = builder.call(function, [*pair, sums])
    return sums
