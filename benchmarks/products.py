"""Measure float32 products of a training step by NumPy's BLAS library and by own tiles.

Prints two tables, in GFLOPS and as shares of the peak (see peak.py). Every thread multiplies
matrices of its own at the same time, as shards of a minibatch are:

- steps: few rows times a recurrent matrix, which is packed once for all time steps;
- whole: (M, K) x (K, N). ``nt`` reads the second matrix transposed and adds a bias, ``tn`` reads
  the first one transposed. Tiles pack a matrix for each product. The last column is the choice of
  ``kernels.product_table``.

NumPy's BLAS runs on one thread here, but obeys OPENBLAS_CORETYPE: unset it to see its own choice.

    python benchmarks/products.py [--threads 2] [--seconds 0.3] [--only whole]
"""

import argparse
import functools
import itertools
import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from peak import fp32_peak
from threadpoolctl import threadpool_limits

from charloom.network.kernels import gemm_fp32, matmul_fp32
from charloom.network.kernels.product_table import FEATURES, product_method

Floats = NDArray[np.float32]
Shape = tuple[int, int, int]
TIME_STEPS = 32
HEADS = ("blas", "tiles")
RANDOM = np.random.default_rng(0)


def random(*shape: int) -> Floats:
    return RANDOM.standard_normal(shape, np.float32)


@numba.njit(nogil=True)
def tile_steps(sums_TRN, rows_TRK, packed):  # type: ignore[no-untyped-def]
    for t in range(len(rows_TRK)):
        gemm_fp32.add_product(sums_TRN[t], rows_TRK[t], packed)


def step_methods(shape: Shape) -> dict[str, Callable[[], object]]:
    """Return one call a method: TIME_STEPS products of R rows (K terms, N columns)."""
    R, K, N = shape
    rows, matrix = random(TIME_STEPS, R, K), random(K, N)
    sums, packed = gemm_fp32.empty_padded(TIME_STEPS, R, N), gemm_fp32.pack(matrix)
    sums[:] = 0

    def blas() -> None:
        for t in range(TIME_STEPS):
            np.matmul(rows[t], matrix, out=sums[t])

    return {"blas": blas, "tiles": lambda: tile_steps(sums, rows, packed)}


def whole_methods(kind: str, shape: Shape) -> dict[str, Callable[[], object]]:
    M, K, N = shape
    left = random(K, M).T if kind == "tn" else random(M, K)
    right = random(N, K).T if kind == "nt" else random(K, N)
    result, bias = gemm_fp32.empty_padded(M, N), np.zeros(N, np.float32)

    def blas() -> None:
        np.matmul(left, right, out=result)
        if kind == "nt":
            np.add(result, bias, out=result)

    methods: dict[str, Callable[[], object]] = {"blas": blas}
    if kind == "nn":
        methods["tiles"] = lambda: matmul_fp32.matmul(left, right)
    if kind == "nt":
        methods["tiles"] = lambda: matmul_fp32.matmul_t(left, right.T, bias, result)
    return methods


def whole_shapes() -> list[tuple[str, Shape]]:
    """Return the products of a layer, of the output layer and of an embedding, and their kind."""
    shapes: list[tuple[str, Shape]] = []
    for hidden, rows in itertools.product((128, 384), (512, 1280, 2560)):
        gates = 4 * hidden
        shapes += [("nt", (rows, hidden, gates)), ("nn", (rows, gates, hidden))]
        shapes += [("tn", (gates, rows, hidden))]
        for symbols in (32, 96, 192):
            shapes += [("nt", (rows, hidden, symbols)), ("nn", (rows, symbols, hidden))]
        shapes += [("nt", (96, 64, gates)), ("nn", (rows, gates, 64))]
    return shapes


def gflops(make: Callable[[], dict[str, Any]], size: int, given: Any) -> dict[str, float]:
    """Return the best rate of each method; the methods take turns."""
    calls = [make() for _ in range(given.threads)]
    best = dict.fromkeys(calls[0], float("inf"))
    barrier = threading.Barrier(given.threads)

    def timed(call: Callable[[], object]) -> float:
        barrier.wait()
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin

    with ThreadPoolExecutor(given.threads) as pool:
        end = time.perf_counter() + given.seconds
        rounds = 0
        while rounds < 4 or time.perf_counter() < end:
            rounds += 1
            for method in best:
                seconds = max(pool.map(timed, [one[method] for one in calls]))
                best[method] = min(best[method], seconds)
    return {method: given.threads * size / seconds / 1e9 for method, seconds in best.items()}


def print_row(name: str, shape: Shape, rates: dict[str, float], peak: float, *more: str) -> None:
    columns = [f"{rates[m]:6.0f} {rates[m] / peak:5.0%}" if m in rates else "" for m in HEADS]
    print(f"{name:9}{'x'.join(map(str, shape)):>15} ", *(f"{c:>12}" for c in columns), *more)


def print_steps(peak: float, given: argparse.Namespace) -> None:
    for hidden, rows in itertools.product((128, 384), (8, 24, 32)):
        shapes = {"forward": (rows, hidden, 4 * hidden), "backward": (rows, 4 * hidden, hidden)}
        for name, shape in shapes.items():
            work = 2 * TIME_STEPS * math.prod(shape)
            print_row(
                name, shape, gflops(functools.partial(step_methods, shape), work, given), peak
            )


def print_whole(peak: float, given: argparse.Namespace) -> None:
    for kind, shape in whole_shapes():
        make = functools.partial(whole_methods, kind, shape)
        rates = gflops(make, 2 * math.prod(shape), given)
        print_row(kind, shape, rates, peak, product_method(*shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=0.3, help="for each row")
    parser.add_argument("--only", choices=("steps", "whole"))
    given = parser.parse_args()
    peak = fp32_peak(given.threads)
    core = os.environ.get("OPENBLAS_CORETYPE", "unset")
    print(f"{FEATURES}, {given.threads} threads: peak {peak:.0f}; OPENBLAS_CORETYPE {core}")
    print(f"{'':24} ", *(f"{head:>12}" for head in HEADS), "  (GFLOPS, share of the peak)")
    with threadpool_limits(1):
        if given.only != "whole":
            print_steps(peak, given)
        if given.only != "steps":
            print_whole(peak, given)


if __name__ == "__main__":
    main()
