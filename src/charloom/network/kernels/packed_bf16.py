"""Products of single sequences, in float32 with weights stored in bfloat16.

One sequence of a large network reads all weights for every symbol, and 16 bits are read in half the
time of 32. Widening is exact, and each sum adds its products in the order of their index. So the
sums have the bits of the same weights in float32: ``accumulate`` those of ``exact.accumulate``,
``add_product`` those of ``gemm_fp32.add_product``.

``pack`` divides the columns into panels, whose sums stay in vector registers while the panel is
read from its first row to its last. A word of a panel holds the weights of two columns. A shift
widens the lower half, and a mask the upper one.

Axes: B sequences, K inputs, G outputs, P panels, C columns of a panel, V vectors of a row of a
panel, J words of a vector.
"""

import functools
from typing import Any, Final

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numpy.typing import NDArray

from charloom.jit.decorator import compiled
from charloom.jit.intrinsic import intrinsic
from charloom.network.alignment import align
from charloom.network.exact import Floats
from charloom.network.kernels import gemm_fp32
from charloom.network.kernels.emit import advance, byte_pointer, emit_loop, splat

Words = NDArray[np.uint32]
Matrix = Floats | Words
"""Weights in float32 or packed."""

_LANES: Final = 16 if binding.get_host_cpu_features().get("avx512f") else 8
_VECTORS: Final = 4
"""Vectors of words in a row. Their eight vectors of sums hide the latency of an addition."""
PANEL_COLUMNS: Final = 2 * _VECTORS * _LANES

_VECTOR_BYTES: Final = 4 * _LANES
_INDEX: Final = ir.IntType(64)
_FLOATS: Final = ir.VectorType(ir.FloatType(), _LANES)
_WORDS: Final = ir.VectorType(ir.IntType(32), _LANES)


def is_bf16(values: Floats) -> bool:
    """Return whether every value is a bfloat16: the lower half of its bits is zero."""
    return not (values.view(np.uint32) & np.uint32(0xFFFF)).any()


def pack(weights: Floats) -> Words:
    """Return the panels of bfloat16 matrices in float32, (..., P, K, V, J).

    The matrices are (..., K, G). Columns from G to the end of the last panel are zero.
    """
    *shape, G = weights.shape
    panels = -(-G // PANEL_COLUMNS)
    padded = np.zeros((*shape, panels * PANEL_COLUMNS), np.float32)
    padded[..., :G] = weights
    bits = padded.view(np.uint32).reshape(*shape, panels, _VECTORS, 2, _LANES)
    words = (bits[..., 0, :] >> np.uint32(16)) | bits[..., 1, :]
    return align(np.moveaxis(words, -3, -4))


def _emit_panel(fused: bool, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Emit loads of a panel's sums, the loop over its rows, and stores of the sums."""
    name = f"llvm.fmuladd.v{_LANES}f32"
    multiply_add = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(_FLOATS, [_FLOATS] * 3), name
    )
    sums, inputs, words = (
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
    )
    panel = byte_pointer(builder, words.data)

    def vector_at(first: Any, number: int, vector: Any) -> Any:
        place = builder.gep(first, [ir.Constant(_INDEX, _VECTOR_BYTES * number)])
        return builder.bitcast(place, vector.as_pointer())

    def body(k: Any, values: list[Any]) -> list[Any]:
        factor = splat(builder, builder.load(builder.gep(inputs.data, [k])), _FLOATS)
        row = advance(builder, panel, k, ir.Constant(_INDEX, _VECTORS * _VECTOR_BYTES))
        weights = []
        for number in range(_VECTORS):
            pair = builder.load(vector_at(row, number, _WORDS), align=4)
            lower = builder.shl(pair, ir.Constant(_WORDS, [16] * _LANES))
            upper = builder.and_(pair, ir.Constant(_WORDS, [0xFFFF0000] * _LANES))
            weights += [builder.bitcast(half, _FLOATS) for half in (lower, upper)]
        pairs = list(zip(values, weights, strict=True))
        if fused:
            return [builder.call(multiply_add, [factor, weight, v]) for v, weight in pairs]
        # A fused operation would round once instead of twice.
        return [builder.fadd(v, builder.fmul(factor, weight)) for v, weight in pairs]

    first = byte_pointer(builder, sums.data)
    places = [vector_at(first, number, _FLOATS) for number in range(2 * _VECTORS)]
    initial = [builder.load(place, align=4) for place in places]
    results = emit_loop(builder, arguments[3], 1, initial, body)
    for value, place in zip(results, places, strict=True):
        builder.store(value, place, align=4)
    return context.get_dummy_value()


def _panel_intrinsic(fused: bool) -> Any:
    """Return an intrinsic that adds the products of one sequence and one panel.

    Its arguments are contiguous: the sums, (C,), the inputs, (K,), the panel, (K, V, J), and K.
    """

    def add_panel(context: Any, sums_C: Any, inputs_K: Any, words_KVJ: Any, terms: Any) -> Any:
        signature = types.void(sums_C, inputs_K, words_KVJ, types.int64)
        return signature, functools.partial(_emit_panel, fused)

    def add_rows(sums_C: Any, inputs_K: Any, words_KVJ: Any, terms: int) -> None:
        for k in range(terms):
            lower, upper = words_KVJ[k] << np.uint32(16), words_KVJ[k] & np.uint32(0xFFFF0000)
            weights_C = np.stack([lower, upper], axis=1).view(np.float32).ravel()
            sums_C += inputs_K[k] * weights_C

    return intrinsic(add_panel, add_rows)


def _product(fused: bool) -> Any:
    """Return a compiled product: ``accumulate`` or, if ``fused``, ``add_product``."""
    add_panel = _panel_intrinsic(fused)

    def add_products(sums_BG, inputs_BK, words_PKVJ, sequences):
        P, K = words_PKVJ.shape[:2]
        G = sums_BG.shape[1]
        tail_C = np.zeros(PANEL_COLUMNS, np.float32)
        # Sequences share a panel while it is in the cache.
        for p in range(P):
            first, last = p * PANEL_COLUMNS, min((p + 1) * PANEL_COLUMNS, G)
            if last - first == PANEL_COLUMNS:
                for b in range(sequences):
                    add_panel(sums_BG[b, first:last], inputs_BK[b], words_PKVJ[p], K)
                continue
            for b in range(sequences):
                for j in range(last - first):
                    tail_C[j] = sums_BG[b, first + j]
                add_panel(tail_C, inputs_BK[b], words_PKVJ[p], K)
                for j in range(last - first):
                    sums_BG[b, first + j] = tail_C[j]

    return numba.njit(inline="always")(add_products)


_accumulate, _add_product = _product(fused=False), _product(fused=True)


@compiled()
def accumulate(sums_BG, inputs_BK, words_PKVJ, sequences):
    """Add ``inputs @ weights`` to the first ``sequences`` rows, with exact arithmetic."""
    _accumulate(sums_BG, inputs_BK, words_PKVJ, sequences)


@compiled()
def add_product(sums_BG, inputs_BK, packed):
    """Add ``inputs @ weights`` to the sums, with fused multiply-adds.

    The weights are packed here, or by ``gemm_fp32``. Then the operands are those of
    ``gemm_fp32.add_product``.
    """
    # Numba compiles only one of the branches, since it knows the number of axes.
    if packed.ndim == 4:
        _add_product(sums_BG, inputs_BK, packed, len(inputs_BK))
    else:
        gemm_fp32.add_product(sums_BG, inputs_BK, packed)
