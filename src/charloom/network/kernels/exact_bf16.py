"""Exact sums of products with weights in bfloat16.

One sequence of a large network reads all weights for every symbol, and 16 bits are read in half the
time of 32. The sums have the bits that ``exact.accumulate`` gives for the same weights in float32:
widening is exact, and each sum adds its rounded products in the order of their index.

``pack`` divides the columns into panels, whose sums stay in vector registers while the panel is
read from its first row to its last. A word of a panel holds the weights of two columns. A shift
widens the lower half, and a mask the upper one.

Axes: B sequences, K inputs, G outputs, P panels, C columns and J words of a row of a panel.
"""

from typing import Any, Final

import numba
import numpy as np
from llvmlite import binding, ir
from numba import extending, types
from numpy.typing import NDArray

from charloom.network.engine import align
from charloom.network.exact import Floats
from charloom.network.kernels.gemm_fp32 import advance, byte_pointer, emit_loop, splat

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
    """Return the panels of bfloat16 matrices in float32, (..., P, K, J).

    The matrices are (..., K, G). Columns from G to the end of the last panel are zero.
    """
    *shape, G = weights.shape
    panels = -(-G // PANEL_COLUMNS)
    padded = np.zeros((*shape, panels * PANEL_COLUMNS), np.float32)
    padded[..., :G] = weights
    bits = padded.view(np.uint32).reshape(*shape, panels, _VECTORS, 2, _LANES)
    words = (bits[..., 0, :] >> np.uint32(16)) | bits[..., 1, :]
    return align(np.moveaxis(words.reshape(*shape, panels, _VECTORS * _LANES), -2, -3))


def _emit_panel(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Emit loads of a panel's sums, the loop over its rows, and stores of the sums."""
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
        # A separate product and sum: a fused operation would round once instead of twice.
        products = [builder.fmul(factor, weight) for weight in weights]
        return [builder.fadd(v, p) for v, p in zip(values, products, strict=True)]

    first = byte_pointer(builder, sums.data)
    places = [vector_at(first, number, _FLOATS) for number in range(2 * _VECTORS)]
    initial = [builder.load(place, align=4) for place in places]
    results = emit_loop(builder, arguments[3], 1, initial, body)
    for value, place in zip(results, places, strict=True):
        builder.store(value, place, align=4)
    return context.get_dummy_value()


@extending.intrinsic
def _add_panel(context: Any, sums_C: Any, inputs_K: Any, words_KJ: Any, terms: Any) -> Any:
    """Add the products of one sequence and one panel to its sums, all contiguous."""
    return types.void(sums_C, inputs_K, words_KJ, types.int64), _emit_panel


@numba.njit(cache=True, nogil=True, error_model="numpy")
def accumulate(sums_BG, inputs_BK, words_PKJ, sequences):
    """Add ``inputs @ weights`` to the first ``sequences`` rows, in order of K."""
    P, K = words_PKJ.shape[:2]
    G = sums_BG.shape[1]
    tail_C = np.zeros(PANEL_COLUMNS, np.float32)
    # Sequences share a panel while it is in the cache.
    for p in range(P):
        first, last = p * PANEL_COLUMNS, min((p + 1) * PANEL_COLUMNS, G)
        if last - first == PANEL_COLUMNS:
            for b in range(sequences):
                _add_panel(sums_BG[b, first:last], inputs_BK[b], words_PKJ[p], K)
            continue
        for b in range(sequences):
            for j in range(last - first):
                tail_C[j] = sums_BG[b, first + j]
            _add_panel(tail_C, inputs_BK[b], words_PKJ[p], K)
            for j in range(last - first):
                sums_BG[b, first + j] = tail_C[j]
