"""What multiplies rows of bfloat16 and a panel, as LLVM's instructions: for arithmetic/bfloat16.py.

With the matrix unit, up to two tiles of 16 rows by two tiles of 16 columns of sums lie in its
registers; with vectors, ROWS rows by two vectors do, as in tiles.py. Either adds to sums in place,

    add(sums, sums_at, sums_row, rows, rows_at, rows_row, packed, packed_at, pairs)

where all arrays are flat, ``_at`` is where a tile begins, ``_row`` the distance of rows, and
``pairs`` the number of pairs of terms. Compiled code that calls these is on disk: see compiled.py.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import extending, types

from charloom.arithmetic.tiles import ROWS, spread

COLUMNS: Final = 32
"""Columns of a panel."""
PAIRS: Final = 16
"""Pairs of terms in a block: what a register of a matrix unit holds of a row."""
TILE_ROWS: Final = 16
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


def _function(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def _address(context: Any, builder: Any, kind: Any, array: Any, at: Any = None) -> Any:
    """Return where an element of an array is, as a pointer to bytes."""
    data = context.make_array(kind)(context, builder, array).data
    element = data if at is None else builder.gep(data, [at])
    return builder.bitcast(element, _BYTE.as_pointer())


@extending.intrinsic
def configure(context: Any, shape: Any) -> Any:
    """Set the shapes of the registers of the matrix unit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        load = _function(builder, "llvm.x86.ldtilecfg", ir.VoidType(), _BYTE.as_pointer())
        builder.call(load, [_address(context, builder, signature.args[0], arguments[0])])
        return context.get_dummy_value()

    return types.void(shape), generate


@extending.intrinsic
def release(context: Any) -> Any:
    """Leave the matrix unit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.call(_function(builder, "llvm.x86.tilerelease", ir.VoidType()), [])
        return context.get_dummy_value()

    return types.void(), generate


def _intrinsic(generate: Callable[..., Any]) -> Any:
    """Return a function for compiled code that is what ``generate`` writes."""

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
        pairs: Any,
    ) -> Any:
        index = types.int64
        signature = types.void(sums, index, index, rows, index, index, packed, index, index)
        return signature, generate

    return extending.intrinsic(add)


def _generate_tiles(lower: bool, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, void = _BYTE.as_pointer(), ir.VoidType()
    load = _function(builder, "llvm.x86.tileloadd64", void, _BYTE, pointer, _INDEX)
    store = _function(builder, "llvm.x86.tilestored64", void, _BYTE, pointer, _INDEX)
    multiply = _function(builder, "llvm.x86.tdpbf16ps", void, _BYTE, _BYTE, _BYTE)

    def number(value: int) -> Any:
        return ir.Constant(_INDEX, value)

    def tile(value: int) -> Any:
        return ir.Constant(_BYTE, value)

    def address(array: int) -> Any:
        return _address(
            context, builder, signature.args[array], arguments[array], arguments[array + 1]
        )

    def below(first: Any, distance: Any) -> list[Any]:
        """Return where the tiles of rows begin."""
        far = builder.mul(distance, number(TILE_ROWS))
        return [first, builder.gep(first, [far])] if lower else [first]

    sums_row = builder.mul(arguments[2], number(4))
    rows_row = builder.mul(arguments[5], number(2))
    half = number(4 * _LANES)
    sums = [
        (2 * r + c, place)
        for r, row in enumerate(below(address(0), sums_row))
        for c, place in enumerate((row, builder.gep(row, [half])))
    ]
    inputs, panel = below(address(3), rows_row), address(6)
    for number_, place in sums:
        builder.call(load, [tile(number_), place, sums_row])
    before = builder.block
    loop = builder.append_basic_block("pairs")
    end = builder.append_basic_block("end")
    builder.branch(loop)
    builder.position_at_end(loop)
    j = builder.phi(_INDEX)
    j.add_incoming(number(0), before)
    for r, row in enumerate(inputs):
        builder.call(load, [tile(4 + r), builder.gep(row, [builder.mul(j, number(4))]), rows_row])
    block = builder.gep(panel, [builder.mul(j, number(4 * COLUMNS))])
    for c, place in enumerate((block, builder.gep(block, [half]))):
        builder.call(load, [tile(6 + c), place, number(4 * COLUMNS)])
        for r in range(len(inputs)):
            builder.call(multiply, [tile(2 * r + c), tile(4 + r), tile(6 + c)])
    following = builder.add(j, number(PAIRS))
    j.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, arguments[8]), loop, end)
    builder.position_at_end(end)
    # What fills up the last columns lies in the first columns of the row below: these come later.
    for number_, place in sorted(sums, key=lambda entry: (entry[0] // 2, -entry[0])):
        builder.call(store, [tile(number_), place, sums_row])
    return context.get_dummy_value()


one_tile = _intrinsic(functools.partial(_generate_tiles, False))
two_tiles = _intrinsic(functools.partial(_generate_tiles, True))


def by_vectors(multiply: Callable[[Any, Any, Any, Any], Any]) -> Any:
    """Return what adds the product of ROWS rows and a panel to sums, with vectors.

    ``multiply`` writes what adds to a vector of sums the two products of each pair of two vectors.
    """
    return _intrinsic(functools.partial(_generate_vectors, multiply))


def _generate_vectors(
    multiply: Callable[[Any, Any, Any, Any], Any],
    context: Any,
    builder: Any,
    signature: Any,
    arguments: Any,
) -> Any:
    def number(value: int) -> Any:
        return ir.Constant(_INDEX, value)

    def address(array: int) -> Any:
        return _address(
            context, builder, signature.args[array], arguments[array], arguments[array + 1]
        )

    def at(first: Any, distance: Any, kind: Any) -> Any:
        return builder.bitcast(builder.gep(first, [distance]), kind.as_pointer())

    def rows_from(first: Any, row: Any, size: int) -> list[Any]:
        bytes_ = builder.mul(row, number(size))
        return [builder.gep(first, [builder.mul(bytes_, number(r))]) for r in range(ROWS)]

    halves = [number(0), number(4 * _LANES)]
    places = [
        [at(row, h, _FLOATS) for h in halves] for row in rows_from(address(0), arguments[2], 4)
    ]
    inputs, panel = rows_from(address(3), arguments[5], 2), address(6)
    begun = [[builder.load(place, align=4) for place in row] for row in places]
    before = builder.block
    loop = builder.append_basic_block("pairs")
    end = builder.append_basic_block("end")
    builder.branch(loop)
    builder.position_at_end(loop)
    j = builder.phi(_INDEX)
    j.add_incoming(number(0), before)
    sums = [[builder.phi(_FLOATS) for _ in row] for row in begun]
    block = builder.gep(panel, [builder.mul(j, number(4 * COLUMNS))])
    weights = [builder.load(at(block, h, _WORDS), align=2) for h in halves]
    added = []
    for row, input_row in zip(sums, inputs, strict=True):
        pair = builder.load(at(input_row, builder.mul(j, number(4)), _WORD), align=2)
        factor = spread(builder, pair, _WORDS)
        added.append([multiply(builder, s, factor, w) for w, s in zip(weights, row, strict=True)])
    for row, first, after in zip(sums, begun, added, strict=True):
        for s, a, b in zip(row, first, after, strict=True):
            s.add_incoming(a, before)
            s.add_incoming(b, loop)
    following = builder.add(j, number(1))
    j.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, arguments[8]), loop, end)
    builder.position_at_end(end)
    for row, after in zip(places, added, strict=True):
        for place, value in zip(row, after, strict=True):
            builder.store(value, place, align=4)
    return context.get_dummy_value()


def dot(builder: Any, sums: Any, left: Any, right: Any) -> Any:
    """Multiply by an instruction that adds two products to a sum."""
    name = "llvm.x86.avx512bf16.dpbf16ps.512"
    function = _function(builder, name, _FLOATS, _FLOATS, _HALVES, _HALVES)
    return builder.call(function, [sums, *(builder.bitcast(v, _HALVES) for v in (left, right))])


def two_products(builder: Any, sums: Any, left: Any, right: Any) -> Any:
    """Multiply in float32, in which the product of two bfloat16 is exact."""
    name = f"llvm.fmuladd.v{_LANES}f32"
    function = _function(builder, name, _FLOATS, _FLOATS, _FLOATS, _FLOATS)
    for bits in (16, 0):
        pair = []
        for vector in (left, right):
            # The first term of a pair is the lower half of its word.
            shifted = builder.shl(vector, ir.Constant(_WORDS, [bits] * _LANES))
            upper = builder.and_(shifted, ir.Constant(_WORDS, [0xFFFF0000] * _LANES))
            pair.append(builder.bitcast(upper, _FLOATS))
        sums = builder.call(function, [*pair, sums])
    return sums
