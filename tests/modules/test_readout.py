"""The compiled loss against torch's operations in float64: nats and all gradients."""

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from charloom.learning import readout
from charloom.learning.dropout import Draw

SIZES = ((1, 1, 1, 1), (3, 2, 5, 7), (6, 4, 16, 16), (5, 9, 33, 100), (2, 3, 8, 1037))
"""T steps, B streams, H units, V symbols: below, at and above whole vectors."""
MASKS = ((0.0, 1), (0.3, 1), (0.5, 3), (0.9, 7))
"""Shares that are dropped, and under how many masks."""


def given(
    size: tuple[int, int, int, int], scale: float = 1.0
) -> tuple[list[Tensor], tuple[Tensor, Tensor]]:
    """Return hidden states, weights and biases to learn, and targets and a mask."""
    steps, streams, units, symbols = size
    generator = torch.Generator().manual_seed(sum(size))
    leaves = [
        scale * torch.randn(shape, generator=generator)
        for shape in ((steps, streams, units), (symbols, units), (symbols,))
    ]
    targets_TB = torch.randint(symbols, (steps, streams), generator=generator)
    # From long to short, as in a minibatch; one position counts in any case.
    mask_TB = torch.rand(steps, streams, generator=generator) < 0.7
    mask_TB[0, 0] = True
    return leaves, (targets_TB, mask_TB)


def exact(leaves: list[Tensor], data: tuple[Tensor, Tensor], share: float, count: int) -> Tensor:
    """Return the nats by torch in float64, under the masks that seed 5 draws."""
    hidden_TBH, weight_VH, bias_V = leaves
    targets_TB, mask_TB = data
    hidden_NH = hidden_TBH[mask_TB]
    kept_KNH = torch.empty(count, *hidden_NH.shape)
    draw = Draw(hidden_NH.shape, share, seed=5)
    draw.drop(torch.ones(hidden_NH.shape), torch.arange(len(hidden_NH)).numpy(), kept_KNH)
    logits_KNV = functional.linear(hidden_NH * kept_KNH.double(), weight_VH, bias_V)
    targets_N = targets_TB[mask_TB].repeat(count)
    return functional.cross_entropy(logits_KNV.flatten(0, 1), targets_N, reduction="sum") / count


@pytest.mark.parametrize(("size", "masks"), list(product(SIZES, MASKS)))
def test_nats_and_gradients_are_those_of_torch(
    size: tuple[int, int, int, int], masks: tuple[float, int]
) -> None:
    (share, count), (values, data) = masks, given(size)
    leaves = [value.clone().requires_grad_() for value in values]
    doubles = [value.double().requires_grad_() for value in values]
    hidden, weight, bias = leaves
    made = readout.nats(hidden, *data, weight, bias, share=share, count=count, seed=5)
    right = exact(doubles, data, share, count)
    assert made.dtype == torch.float64
    assert made.item() == pytest.approx(right.item(), rel=1e-6, abs=1e-6)
    # Trainers divide by the number of symbols.
    (made / 7).backward()
    (right / 7).backward()
    for leaf, double in zip(leaves, doubles, strict=True):
        assert leaf.grad is not None
        assert double.grad is not None
        largest = float(double.grad.abs().max())
        torch.testing.assert_close(
            leaf.grad.double(), double.grad, rtol=1e-5, atol=3e-6 * largest + 1e-9
        )


def test_states_that_do_not_lie_side_by_side_are_read() -> None:
    (hidden, weight, bias), data = given((4, 3, 5, 7))
    room = torch.zeros(4, 8, 5)
    room[:, :3] = hidden
    options = {"share": 0.5, "count": 2, "seed": 3}
    one = readout.nats(hidden, *data, weight, bias, **options)  # type: ignore[arg-type]
    other = readout.nats(room[:, :3], *data, weight, bias, **options)  # type: ignore[arg-type]
    assert one == other


def test_large_logits_neither_overflow_nor_vanish() -> None:
    values, data = given((6, 4, 16, 30), scale=40)
    leaves = [value.clone().requires_grad_() for value in values]
    made = readout.nats(leaves[0], *data, leaves[1], leaves[2], share=0, count=1, seed=0)
    made.backward()
    right = exact([value.double() for value in values], data, 0, 1)
    assert made.item() == pytest.approx(right.item(), rel=1e-6)
    assert all(leaf.grad is not None and leaf.grad.isfinite().all() for leaf in leaves)


@pytest.mark.parametrize("symbols", [4, 100])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_finite_is_told(symbols: int, wrong: float) -> None:
    for leaf in range(3):
        values, data = given((2, 2, 3, symbols))
        values[leaf][-1] = wrong
        data[1][:] = True
        made = readout.nats(values[0], *data, values[1], values[2], share=0, count=1, seed=0)
        assert not made.isfinite()


def test_a_graph_is_good_for_one_backward_pass() -> None:
    values, data = given((2, 2, 3, 4))
    hidden, weight, bias = (value.requires_grad_() for value in values)
    made = readout.nats(hidden, *data, weight, bias, share=0, count=1, seed=0)
    made.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="good for one backward pass"):
        made.backward()
