"""Emitted loops and addresses, in an intrinsic that sums a column of a matrix."""

from typing import Any

import numba
import numpy as np
import pytest
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from charloom.network.kernels.emit import (
    advance,
    byte_pointer,
    declare,
    emit_loop,
    row_pointers,
    splat,
)

LANES = 4


@extending.intrinsic
def sums_of_roots(context: Any, matrix: Any, stop: Any) -> Any:
    """Return the sum of sqrt(m[k, 1] + m[k + 1, 1]) for k = 0, 2, ... below stop."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = cgutils.unpack_tuple(builder, array.strides)[0]  # type: ignore[no-untyped-call]
        vector = ir.VectorType(ir.FloatType(), LANES)
        root = declare(builder, f"llvm.sqrt.v{LANES}f32", vector, vector)
        assert declare(builder, f"llvm.sqrt.v{LANES}f32", vector, vector) is root

        def body(k: Any, sums: list[Any]) -> list[Any]:
            first = advance(builder, byte_pointer(builder, array.data), k, stride)
            places = row_pointers(builder, first, stride, 2)
            columns = [builder.gep(place, [ir.Constant(ir.IntType(64), 4)]) for place in places]
            values = [
                builder.load(builder.bitcast(c, ir.FloatType().as_pointer())) for c in columns
            ]
            terms = splat(builder, builder.fadd(*values), vector)
            return [builder.fadd(sums[0], builder.call(root, [terms]))]

        zeros = ir.Constant(vector, [0.0] * LANES)
        (sums,) = emit_loop(builder, arguments[1], 2, [zeros], body)
        return builder.extract_element(sums, ir.Constant(ir.IntType(32), LANES - 1))

    return types.float32(matrix, types.int64), generate


@numba.njit
def summed(matrix, stop):  # type: ignore[no-untyped-def]
    return sums_of_roots(matrix, stop)  # type: ignore[call-arg]


@pytest.mark.parametrize("stop", [1, 2, 5, 6])
def test_a_loop_sums_over_pairs_of_rows(stop: int) -> None:
    matrix = np.random.default_rng(1).random((7, 3)).astype(np.float32)
    column = matrix[:, 1].astype(float)
    expected = sum(np.sqrt(column[k] + column[k + 1]) for k in range(0, stop, 2))
    assert summed(matrix, stop) == pytest.approx(expected, rel=1e-6)
