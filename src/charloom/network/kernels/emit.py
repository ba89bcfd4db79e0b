"""Emit LLVM instructions that intrinsics share: addresses, loops, declarations.

``builder`` is llvmlite's, as Numba gives it to an intrinsic; the other arguments are LLVM values.
"""

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir

_BYTE: Final = ir.IntType(8)
_INDEX: Final = ir.IntType(64)


def declare(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Return the LLVM function ``name``, declared once a module."""
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def byte_pointer(builder: Any, pointer: Any) -> Any:
    """Return an LLVM pointer as a pointer to bytes."""
    return builder.bitcast(pointer, _BYTE.as_pointer())


def advance(builder: Any, pointer: Any, count: Any, distance: Any) -> Any:
    """Return a byte pointer ``count`` times ``distance`` bytes further."""
    return builder.gep(pointer, [builder.mul(count, distance)])


def row_pointers(builder: Any, first: Any, stride: Any, rows: int) -> list[Any]:
    """Return byte pointers to some rows, ``stride`` bytes apart."""
    return [advance(builder, first, ir.Constant(_INDEX, r), stride) for r in range(rows)]


def emit_loop(
    builder: Any,
    stop: Any,
    step: int,
    initial: list[Any],
    body: Callable[[Any, list[Any]], list[Any]],
) -> list[Any]:
    """Emit a loop over 0, ``step``, ... below ``stop``; return the last values.

    ``body`` receives the loop index and the current values, and returns the next values. The body
    runs at least once.
    """
    before = builder.block
    loop = builder.append_basic_block("terms")
    end = builder.append_basic_block("end")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_INDEX)
    k.add_incoming(ir.Constant(_INDEX, 0), before)
    values = [builder.phi(value.type) for value in initial]
    after = body(k, values)
    for value, first, last in zip(values, initial, after, strict=True):
        value.add_incoming(first, before)
        value.add_incoming(last, loop)
    following = builder.add(k, ir.Constant(_INDEX, step))
    k.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, stop), loop, end)
    builder.position_at_end(end)
    return after


def splat(builder: Any, value: Any, vector: Any) -> Any:
    """Return an LLVM vector with ``value`` in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, undefined, lanes)
