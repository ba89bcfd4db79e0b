"""bfloat16 matrices: rounding, packing, transposes and products, against float64."""

import numpy as np
import pytest
from bfloat16 import round_to_bf16
from numpy.typing import NDArray

from charloom.network.kernels import gemm_bf16, matmul_bf16
from charloom.network.kernels.gemm_fp32 import empty_padded, padded_rows

SIZES = [(1, 1, 1), (5, 33, 7), (64, 16, 40), (70, 100, 3)]
"""M rows, K terms, N columns."""

Floats = NDArray[np.float32]


def random(*shape: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def as_floats(bits: NDArray[np.uint16]) -> Floats:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def values_to_round() -> Floats:
    return np.concatenate(
        [
            random(1000, seed=1),
            1e-30 * random(1000, seed=2),
            # Halfway between two bfloat16 values: to the even one.
            np.arange(0x3F808000, 0x3F908000, 0x10000, dtype=np.uint32).view(np.float32),
            np.array([0, -0.0, np.inf, -np.inf, 3e38], np.float32),
        ]
    )[None]


def test_values_are_rounded_to_the_nearest() -> None:
    values = values_to_round()
    bits = matmul_bf16.to_bf16(values)
    assert (as_floats(bits[:1, : values.shape[1]]) == round_to_bf16(values)).all()
    assert not bits[1:].any()
    assert np.isnan(as_floats(matmul_bf16.to_bf16(np.array([[np.nan]], np.float32)))[0, 0])


@pytest.mark.needs("torch")
def test_the_oracle_rounds_as_torch() -> None:
    import torch

    values = values_to_round()
    expected = torch.from_numpy(values).bfloat16().float().numpy()
    assert round_to_bf16(values).tobytes() == expected.tobytes()


@pytest.mark.parametrize("size", SIZES)
def test_products_equal_float64(size: tuple[int, int, int]) -> None:
    rows, terms, columns = size
    left, right = random(rows, terms, seed=1), random(terms, columns, seed=2)
    bits = matmul_bf16.to_bf16(left)
    expected = round_to_bf16(left).astype(float) @ round_to_bf16(right)
    product = matmul_bf16.matmul(bits, right)
    np.testing.assert_allclose(product[:rows], expected, rtol=0, atol=1e-5)
    assert not product[rows:].any()
    bias, sums = random(columns, seed=4), empty_padded(padded_rows(rows), columns)
    matmul_bf16.matmul_t(bits, np.ascontiguousarray(right.T), bias, sums)
    np.testing.assert_allclose(sums[:rows], expected + bias, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_products_of_a_transpose_equal_float64(size: tuple[int, int, int]) -> None:
    rows, terms, columns = size
    left, right = random(rows, terms, seed=1), random(rows, columns, seed=2)
    product = matmul_bf16.t_matmul(
        matmul_bf16.to_bf16(left), terms, matmul_bf16.to_bf16(right), columns, rows
    )
    expected = round_to_bf16(left).T.astype(float) @ round_to_bf16(right)
    np.testing.assert_allclose(product, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_transposes_and_panels_hold_the_same_bits(size: tuple[int, int, int]) -> None:
    rows, terms, _ = size
    matrix = random(rows, terms, seed=1)
    bits = matmul_bf16.to_bf16(matrix)
    transposed = matmul_bf16.transpose_bf16(bits, terms, rows)
    assert (transposed[:terms, :rows] == bits[:rows, :terms].T).all()
    assert not transposed[terms:].any()
    assert not transposed[:, rows:].any()
    assert (matmul_bf16.pack_bf16(bits, terms, rows) == gemm_bf16.pack(matrix)).all()
