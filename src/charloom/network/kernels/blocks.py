"""Copy and transpose blocks of float32 values inside compiled loops.

LLVM does not vectorize plain loops that pack matrices into panels: it cannot exclude that source
and target overlap. Numba keeps the code of callers on disk: see ``exact_compiled`` before changing
this file.
"""

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils

from charloom.jit.decorator import compiled
from charloom.jit.intrinsic import intrinsic
from charloom.network.kernels.emit import advance, byte_pointer, row_pointers

BLOCK: Final = 8
"""Rows and columns of a block."""
_VECTOR: Final = ir.VectorType(ir.FloatType(), BLOCK)
_INDEX: Final = ir.IntType(64)


def _block_intrinsic(
    change: Callable[[Any, list[Any]], list[Any]], python: Callable[[Any], Any]
) -> Any:
    """Return an intrinsic that reads the rows of a block, changes and writes them.

    ``python`` changes a block in plain Python.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def rows(kind: Any, array: Any, row: Any, column: Any) -> list[Any]:
            values = context.make_array(kind)(context, builder, array)
            stride = cgutils.unpack_tuple(builder, values.strides)[0]
            first = advance(builder, byte_pointer(builder, values.data), row, stride)
            begin = advance(builder, first, column, ir.Constant(_INDEX, 4))
            places = row_pointers(builder, begin, stride, BLOCK)
            return [builder.bitcast(place, _VECTOR.as_pointer()) for place in places]

        sources = rows(signature.args[0], *arguments[:3])
        targets = rows(signature.args[3], *arguments[3:])
        vectors = [builder.load(place, align=4) for place in sources]
        for vector, place in zip(change(builder, vectors), targets, strict=True):
            builder.store(vector, place, align=4)
        return context.get_dummy_value()

    def block(context: Any, source: Any, row: Any, column: Any, target: Any, r: Any, c: Any) -> Any:
        index = types.int64
        return types.void(source, index, index, target, index, index), generate

    def change_block(source: Any, row: int, column: int, target: Any, r: int, c: int) -> None:
        block = source[row : row + BLOCK, column : column + BLOCK]
        target[r : r + BLOCK, c : c + BLOCK] = python(block)

    return intrinsic(block, change_block)


def _emit_transpose(builder: Any, vectors: list[Any]) -> list[Any]:
    """Emit three rounds in which vectors i and i + 4 are interleaved: a transposition."""
    half = BLOCK // 2
    words = ir.VectorType(ir.IntType(32), BLOCK)
    masks = [
        ir.Constant(words, [lane for n in range(first, first + half) for lane in (n, n + BLOCK)])
        for first in (0, half)
    ]
    for _ in range(3):
        vectors = [
            builder.shuffle_vector(vectors[i], vectors[i + half], mask)
            for i in range(half)
            for mask in masks
        ]
    return vectors


copy_block = _block_intrinsic(lambda builder, vectors: vectors, lambda block: block)
"""Copy a block of one matrix to another.

    copy_block(source, row, column, target, row, column)

The last axis of both matrices is contiguous. Row and column are those of the block's first value.
"""

transpose_block = _block_intrinsic(_emit_transpose, lambda block: block.T)
"""Copy the transpose of a block; called as ``copy_block``."""


@compiled()
def transpose(values_MN, result_NM):
    """Write the transpose of a matrix. The last axis of both is contiguous."""
    M, N = values_MN.shape
    rows, columns = M - M % BLOCK, N - N % BLOCK
    for n in range(0, columns, BLOCK):
        for m in range(0, rows, BLOCK):
            transpose_block(values_MN, m, n, result_NM, n, m)
    for n in range(N):
        for m in range(rows if n < columns else 0, M):
            result_NM[n, m] = values_MN[m, n]
