"""The output layer's loss and gradients against torch's operations in float64."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.output_layer import OutputLayer, OutputResult
from charloom.network.dropout import Dropout

SIZES = ((1, 1, 1), (6, 5, 7), (24, 16, 16), (45, 33, 100), (6, 8, 1037))
"""M rows, H hidden units, V symbols: below, at and above whole vectors."""
MASKS = ((0.0, 1), (0.3, 1), (0.5, 3), (0.9, 7))
"""Dropout probabilities and numbers of masks."""


Data = tuple[Tensor, Tensor]
"""The unpadded rows and their targets."""


def random_case(size: tuple[int, int, int], scale: float = 1.0) -> tuple[list[Tensor], Data]:
    """Return hidden states, weights and biases, and the data."""
    rows, units, symbols = size
    generator = torch.Generator().manual_seed(sum(size))
    leaves = [
        scale * torch.randn(shape, generator=generator)
        for shape in ((rows, units), (symbols, units), (symbols,))
    ]
    unpadded_M = torch.rand(rows, generator=generator) < 0.7
    unpadded_M[0] = True  # at least one row
    rows_N = unpadded_M.nonzero()[:, 0]
    return leaves, (rows_N, torch.randint(symbols, (len(rows_N),), generator=generator))


def mask_of(p: float, rows_N: Tensor) -> DropoutMask:
    """Return the masks of rows, which are numbered in their order."""
    rows = rows_N.numpy()
    return DropoutMask.of_layer(Dropout(p, seed=5), 0, rows, np.arange(len(rows)))


def torch_nats(leaves: list[Tensor], data: Data, p: float, masks: int) -> Tensor:
    """Return the loss by torch, under the masks of seed 5."""
    rows_N, targets_N = data
    hidden_MH, weight_VH, bias_V = leaves
    shape = (len(rows_N), hidden_MH.shape[1])
    mask_KNH = np.empty((masks, *shape), np.float32)
    mask_of(p, torch.arange(shape[0])).forward(np.ones(shape, np.float32), mask_KNH)
    dropped_KNH = hidden_MH[rows_N] * torch.from_numpy(mask_KNH).double()
    logits_LV = functional.linear(dropped_KNH, weight_VH, bias_V).flatten(0, 1)
    return functional.cross_entropy(logits_LV, targets_N.repeat(masks), reduction="sum") / masks


def forward(
    leaves: list[Tensor], data: Data, p: float = 0.0, masks: int = 1, *, bf16: bool
) -> OutputResult:
    hidden_MH, weight_VH, bias_V = (leaf.numpy() for leaf in leaves)
    rows_N, targets_N = data
    layer, mask = OutputLayer(weight_VH, bias_V), mask_of(p, rows_N)
    return layer.forward(hidden_MH, mask, masks, targets_N.numpy(), bf16=bf16)


def backward(leaves: list[Tensor], result: OutputResult) -> list[np.ndarray]:
    """Return the gradients of the leaves, each written as a whole."""
    weight_VH, bias_V = (np.full(leaf.shape, np.nan, np.float32) for leaf in leaves[1:])
    hidden_MH = result.backward({"output.weight": weight_VH, "output.bias": bias_V})
    assert hidden_MH is not None
    return [hidden_MH, weight_VH, bias_V]


@pytest.mark.parametrize(("size", "masks", "bf16"), list(product(SIZES, MASKS, (False, True))))
def test_loss_and_gradients_equal_torch(
    size: tuple[int, int, int], masks: tuple[float, int], bf16: bool
) -> None:
    values, data = random_case(size)
    doubles = [value.double().requires_grad_() for value in values]
    result = forward(values, data, *masks, bf16=bf16)
    expected = torch_nats(doubles, data, *masks)
    expected.backward()
    # Rounding to bfloat16 changes a number by at most 2**-9 of itself.
    error = 0.02 if bf16 else 1e-6
    assert result.nats == pytest.approx(expected.item(), rel=error, abs=error)
    for grad, double in zip(backward(values, result), doubles, strict=True):
        assert double.grad is not None
        limit = 10 * error * float(double.grad.abs().max()) + 1e-9
        value = torch.from_numpy(grad).double()
        torch.testing.assert_close(value, double.grad, rtol=0, atol=limit)


@pytest.mark.parametrize("bf16", [False, True])
def test_large_logits_give_finite_loss_and_gradients(bf16: bool) -> None:
    values, data = random_case((24, 16, 30), scale=40)
    result = forward(values, data, bf16=bf16)
    expected = torch_nats([value.double() for value in values], data, 0, 1)
    assert result.nats == pytest.approx(expected.item(), rel=1e-2 if bf16 else 1e-6)
    assert all(np.isfinite(grad).all() for grad in backward(values, result))


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("symbols", [4, 100])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_makes_the_loss_so(
    symbols: int, wrong: float, bf16: bool
) -> None:
    for leaf in range(3):
        values, data = random_case((4, 3, symbols))
        values[leaf][data[0][-1] if leaf == 0 else -1] = wrong
        assert not np.isfinite(forward(values, data, bf16=bf16).nats)


def test_without_layers_below_only_the_own_gradients_are_written() -> None:
    values, data = random_case(SIZES[1])
    _, *expected = backward(values, forward(values, data, bf16=False))
    weight_VH, bias_V = (np.full(value.shape, np.nan, np.float32) for value in values[1:])
    grads = {"output.weight": weight_VH, "output.bias": bias_V}
    assert forward(values, data, bf16=False).backward(grads, through=False) is None
    assert np.array_equal(weight_VH, expected[0]) and np.array_equal(bias_V, expected[1])
