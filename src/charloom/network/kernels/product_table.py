"""Choose NumPy's BLAS library or own tiles for a float32 product.

``benchmarks/products.py`` measures the table, which is for products of whole matrices. The choice
follows from the processor and the shape alone, so that a run has the same bits each time on a
machine. Products inside compiled loops always use tiles (``gemm_fp32``): their matrix is packed
once for all time steps.

Axes: M rows, K terms of a sum, N columns.
"""

from typing import Final, Literal, NamedTuple

from llvmlite import binding

Method = Literal["blas", "tiles"]
Features = Literal["avx512", "avx2", "other"]
"""Vector instructions of a processor."""


class Shapes(NamedTuple):
    """Shapes (M, K, N) within limits."""

    min_rows: int
    min_terms: int
    max_columns: int


TILES: Final[dict[Features, tuple[Shapes, ...]]] = {
    "avx512": (),
    "avx2": (Shapes(min_rows=512, min_terms=96, max_columns=192),),
    "other": (),
}
"""Shapes for which tiles are faster. All others are multiplied by BLAS."""


def detect_features(features: dict[str, bool]) -> Features:
    """Return the vector instructions among LLVM's features of a processor.

    >>> detect_features({"avx2": True, "fma": True, "avx512f": False})
    'avx2'
    """
    if features.get("avx512f"):
        return "avx512"
    return "avx2" if features.get("avx2") and features.get("fma") else "other"


FEATURES: Final = detect_features(dict(binding.get_host_cpu_features()))


def product_method(M: int, K: int, N: int, features: Features = FEATURES) -> Method:
    """Return the fastest method for a product (M, K) x (K, N).

    >>> product_method(1000, 384, 1536, "avx2")
    'blas'
    """
    fits = any(
        shapes.min_rows <= M and shapes.min_terms <= K and shapes.max_columns >= N
        for shapes in TILES[features]
    )
    return "tiles" if fits else "blas"
