"""Measure the arithmetic peak of the processor: multiply-adds that stay in registers.

Prints GFLOPS on one thread and on all, in float32, and in bfloat16 where the processor has
instructions for it. A multiply-add counts as two operations. Shares in other benchmarks refer to
these figures, so measure them in the same run.

    python benchmarks/peak.py [--threads 2] [--rounds 30]
"""

import argparse
import functools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import extending, types

from charloom.network.kernels import gemm_bf16
from charloom.network.kernels.emit import declare, emit_loop
from charloom.network.kernels.gemm_fp32 import AVX512
from charloom.network.kernels.intrinsics import emit_dot, load_tile_config, release_tiles

LOOPS = 1_000_000
"""Iterations of a measured loop: some milliseconds."""
LANES = 16 if AVX512 else 8
SUMS = 24 if AVX512 else 12
"""Vectors of sums: independent chains that hide the latency of an instruction."""

BYTE, FLOAT = ir.IntType(8), ir.FloatType()

Loop = Callable[[int], object]


def vector_loop(update: Callable[[Any, Any], Any], lanes: int) -> Loop:
    """Return a compiled loop over SUMS vectors; ``update(builder, sums)`` emits one update."""
    vector = ir.VectorType(FLOAT, lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # Different first values keep LLVM from merging chains; all approach 2.
        sums = [ir.Constant(vector, [float(number)] * lanes) for number in range(3, 3 + SUMS)]
        last = emit_loop(
            builder, arguments[0], 1, sums, lambda _, values: [update(builder, v) for v in values]
        )
        total = functools.reduce(builder.fadd, last)
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    @extending.intrinsic
    def run(context: Any, count: Any) -> Any:
        return types.float32(types.int64), generate

    return jitted(run)


def jitted(run: Any) -> Loop:
    @numba.njit(nogil=True)
    def loop(count):  # type: ignore[no-untyped-def]
        return run(count)

    loop(1)
    return loop


def multiply_add(builder: Any, sums: Any) -> Any:
    kind = sums.type
    function = declare(builder, f"llvm.fma.v{LANES}f32", kind, kind, kind, kind)
    half, one = (ir.Constant(kind, [value] * LANES) for value in (0.5, 1.0))
    return builder.call(function, [sums, half, one])


def dot(builder: Any, sums: Any) -> Any:
    ones = ir.Constant(ir.VectorType(ir.IntType(32), 16), [0x3F803F80] * 16)
    return emit_dot(builder, sums, ones, ones)


def amx_loop() -> Loop:
    """Return a loop of products with the matrix unit: six registers of sums, two factors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        register = [ir.Constant(BYTE, number) for number in range(8)]

        def call(name: str, *values: Any) -> None:
            builder.call(declare(builder, name, ir.VoidType(), *[BYTE] * len(values)), values)

        for number in range(8):
            call("llvm.x86.tilezero", register[number])

        def body(_: Any, none: list[Any]) -> list[Any]:
            for number in range(6):
                call("llvm.x86.tdpbf16ps", register[number], register[6], register[7])
            return none

        emit_loop(builder, arguments[0], 1, [], body)
        return context.get_dummy_value()

    @extending.intrinsic
    def products(context: Any, count: Any) -> Any:
        return types.void(types.int64), generate

    @numba.njit(inline="always")
    def run(count):  # type: ignore[no-untyped-def]
        config = np.zeros(64, np.uint8)
        config[0] = 1
        for register in range(8):
            config[16 + 2 * register] = 64
            config[48 + register] = 16
        load_tile_config(config)  # type: ignore[call-arg]
        products(count)
        release_tiles()

    return jitted(run)


def gflops(loop: Loop, operations: int, threads: int, rounds: int) -> float:
    """Return the best rate of several rounds, with the loop on each of the threads."""
    barrier = threading.Barrier(threads)

    def work(_: int) -> tuple[float, float]:
        barrier.wait()
        begin = time.perf_counter()
        loop(LOOPS)
        return begin, time.perf_counter()

    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            begins, ends = zip(*pool.map(work, range(threads)), strict=True)
            best = min(best, max(ends) - min(begins))
    return threads * LOOPS * operations / best / 1e9


@functools.cache
def fp32_peak(threads: int = 1, rounds: int = 30) -> float:
    """Return the GFLOPS of float32 multiply-adds."""
    return gflops(vector_loop(multiply_add, LANES), 2 * SUMS * LANES, threads, rounds)


@functools.cache
def bf16_peak(threads: int = 1, rounds: int = 30) -> float | None:
    """Return the GFLOPS of bfloat16 products, None without instructions for them."""
    if gemm_bf16.INSTRUCTIONS == "amx":
        return gflops(amx_loop(), 6 * 2 * 16 * 16 * 32, threads, rounds)
    if gemm_bf16.INSTRUCTIONS == "dot":
        return gflops(vector_loop(dot, 16), SUMS * 4 * 16, threads, rounds)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    print(f"{binding.get_host_cpu_name()}, bfloat16 instructions: {gemm_bf16.INSTRUCTIONS}")
    for threads in sorted({1, given.threads}):
        fp32, bf16 = fp32_peak(threads, given.rounds), bf16_peak(threads, given.rounds)
        of_bf16 = "" if bf16 is None else f"   bfloat16 {bf16:7,.0f} GFLOPS"
        print(f"{threads} threads: float32 {fp32:7,.0f} GFLOPS{of_bf16}")


if __name__ == "__main__":
    main()
