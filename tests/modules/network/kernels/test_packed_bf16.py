"""Sums over packed bfloat16 have the bits of the NumPy sums with the same weights in float32."""

import numpy as np
import pytest

from charloom.network import exact
from charloom.network.alignment import CACHE_LINE_BYTES
from charloom.network.exact import Floats
from charloom.network.kernels import exact_compiled, gemm_fp32
from charloom.network.kernels.packed_bf16 import PANEL_COLUMNS, add_product, is_bf16, pack

C = PANEL_COLUMNS


def bf16_values(shape: tuple[int, ...], seed: int) -> Floats:
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


@pytest.mark.parametrize("sequences", [1, 2, 5])
@pytest.mark.parametrize(
    ("inputs", "outputs"), [(1, 1), (7, 5), (8, C), (19, C + 1), (33, 3 * C), (4, 2 * C - 1)]
)
def test_products_have_the_bits_of_numpy(sequences: int, inputs: int, outputs: int) -> None:
    """Whole panels, a last panel with one column, and one with all but one."""
    rng = np.random.default_rng(sequences)
    start = rng.standard_normal((sequences + 1, outputs)).astype(np.float32)
    rows = rng.standard_normal((sequences + 1, inputs)).astype(np.float32)
    weights = bf16_values((inputs, outputs), 1)
    # A subnormal and zeros of both signs are widened too.
    weights.flat[: min(3, weights.size)] = np.array([1e-40, -0.0, 0.0], np.float32)[: weights.size]
    weights = (weights.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    sums = start.copy()
    exact_compiled.accumulate(sums, rows, pack(weights), sequences)
    expected = exact.accumulate(start, rows, weights)
    assert sums[:sequences].tobytes() == expected[:sequences].tobytes()
    assert (sums[sequences] == start[sequences]).all()


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (7, 5), (8, C), (19, C + 1), (33, 3 * C)])
def test_fused_products_have_the_bits_of_those_in_float32(inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((4, inputs)).astype(np.float32)
    weights = bf16_values((inputs, outputs), 1)
    tiled, single = gemm_fp32.empty_padded(4, outputs), np.empty((4, outputs), np.float32)
    tiled[:] = single[:] = rng.standard_normal((4, outputs))
    add_product(tiled, rows, gemm_fp32.pack(weights))
    add_product(single, rows, pack(weights))
    assert single.tobytes() == tiled.tobytes()


def test_layers_are_packed_one_by_one_in_half_the_bytes() -> None:
    weights_LKG = bf16_values((3, 6, 2 * C), 2)
    words = pack(weights_LKG)
    assert words.shape[:3] == (3, 2, 6)
    assert words.nbytes == weights_LKG.nbytes / 2
    assert words.ctypes.data % CACHE_LINE_BYTES == 0
    for words_PKVJ, weights_KG in zip(words, weights_LKG, strict=True):
        assert words_PKVJ.tobytes() == pack(weights_KG).tobytes()
    assert pack(weights_LKG[:0]).shape == (0, *words.shape[1:])


def test_bfloat16_is_recognized_by_its_values() -> None:
    values = bf16_values((4, 5), 3)
    assert is_bf16(values)
    assert is_bf16(values[:0])
    values[3, 4] = np.nextafter(values[3, 4], np.float32(9))
    assert not is_bf16(values)
