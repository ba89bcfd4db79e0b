"""The compiled loss against torch's operations in float64: nats and all gradients."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.matmul import to_numpy
from charloom.network.backprop.output_layer import OutputLayer

SIZES = ((1, 1, 1), (6, 5, 7), (24, 16, 16), (45, 33, 100), (6, 8, 1037))
"""M rows, H units, V symbols: below, at and above whole vectors."""
MASKS = ((0.0, 1), (0.3, 1), (0.5, 3), (0.9, 7))
"""Shares that are dropped, and under how many masks."""


Data = tuple[Tensor, Tensor]
"""The rows that count, and their targets."""


def given(size: tuple[int, int, int], scale: float = 1.0) -> tuple[list[Tensor], Data]:
    """Return hidden states, weights and biases, and the data."""
    rows, units, symbols = size
    generator = torch.Generator().manual_seed(sum(size))
    leaves = [
        scale * torch.randn(shape, generator=generator)
        for shape in ((rows, units), (symbols, units), (symbols,))
    ]
    counts_M = torch.rand(rows, generator=generator) < 0.7
    counts_M[0] = True  # one counts in any case
    rows_N = counts_M.nonzero()[:, 0]
    return leaves, (rows_N, torch.randint(symbols, (len(rows_N),), generator=generator))


def exact(leaves: list[Tensor], data: Data, share: float, masks: int) -> Tensor:
    """Return the nats by torch in float64, under the masks that seed 5 draws."""
    rows_N, targets_N = data
    hidden_MH, weight_VH, bias_V = leaves
    shape = (len(rows_N), hidden_MH.shape[1])
    kept_KNH = np.empty((masks, *shape), np.float32)
    DropoutMask(share, seed=5).forward(np.ones(shape, np.float32), np.arange(shape[0]), kept_KNH)
    read_KNH = hidden_MH[rows_N] * torch.from_numpy(kept_KNH).double()
    logits_LV = functional.linear(read_KNH, weight_VH, bias_V).flatten(0, 1)
    return functional.cross_entropy(logits_LV, targets_N.repeat(masks), reduction="sum") / masks


def readout(
    leaves: list[Tensor],
    data: Data,
    share: float = 0.0,
    masks: int = 1,
    *,
    rounded: bool = False,
) -> OutputLayer:
    rows_N, targets_N = data
    return OutputLayer(
        to_numpy(leaves[1]),
        to_numpy(leaves[2]),
        rows_N=rows_N.numpy(),
        targets_N=targets_N.numpy(),
        dropout=DropoutMask(share, seed=5),
        masks=masks,
        bf16=rounded,
    )


@pytest.mark.parametrize(("size", "masks", "rounded"), list(product(SIZES, MASKS, (False, True))))
def test_nats_and_gradients_are_those_of_torch(
    size: tuple[int, int, int], masks: tuple[float, int], rounded: bool
) -> None:
    values, data = given(size)
    doubles = [value.double().requires_grad_() for value in values]
    made = readout(values, data, *masks, rounded=rounded)
    nats = made.forward(to_numpy(values[0]))
    right = exact(doubles, data, *masks)
    right.backward()
    # A number that is rounded to bfloat16 is off by 2**-9 of itself at most.
    error = 0.02 if rounded else 1e-6
    assert nats == pytest.approx(right.item(), rel=error, abs=error)
    for gradient, double in zip(made.backward(size[0]), doubles, strict=True):
        assert double.grad is not None
        limit = 10 * error * float(double.grad.abs().max()) + 1e-9
        value = torch.from_numpy(gradient).double()
        torch.testing.assert_close(value, double.grad, rtol=0, atol=limit)


@pytest.mark.parametrize("rounded", [False, True])
def test_large_logits_neither_overflow_nor_vanish(rounded: bool) -> None:
    values, data = given((24, 16, 30), scale=40)
    made = readout(values, data, rounded=rounded)
    nats = made.forward(to_numpy(values[0]))
    right = exact([value.double() for value in values], data, 0, 1)
    assert nats == pytest.approx(right.item(), rel=1e-2 if rounded else 1e-6)
    assert all(np.isfinite(gradient).all() for gradient in made.backward(24))


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("symbols", [4, 100])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_finite_is_told(symbols: int, wrong: float, rounded: bool) -> None:
    for leaf in range(3):
        values, data = given((4, 3, symbols))
        values[leaf][data[0][-1] if leaf == 0 else -1] = wrong
        made = readout(values, data, rounded=rounded)
        assert not np.isfinite(made.forward(to_numpy(values[0])))
