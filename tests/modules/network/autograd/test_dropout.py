"""torch's masks are those of the compiled kernels."""

import numpy as np
import pytest
import torch

from charloom.network.autograd.dropout import NO_DROPOUT, DropoutMask
from charloom.network.backprop.dropout import DropoutMask as CompiledMask
from charloom.network.dropout import Dropout


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("masks", [1, 3, 8])
@pytest.mark.parametrize("depth", [0, 2])
def test_masks_equal_those_of_the_kernels(p: float, masks: int, depth: int) -> None:
    random = np.random.default_rng(1)
    values_NH = random.standard_normal((50, 33)).astype(np.float32)
    numbers_N = random.permutation(2**20)[:50]
    dropout = Dropout(p, seed=2**63 + 5)
    masks = 1 if p == 0 else masks
    expected = np.empty((masks, 50, 33), np.float32)
    CompiledMask.of_layer(dropout, depth, np.arange(50), numbers_N).forward(values_NH, expected)
    mask = DropoutMask(dropout, torch.from_numpy(numbers_N))
    result = mask.apply(torch.from_numpy(values_NH), depth, masks).numpy()
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    assert ((result == 0) == (expected == 0)).all()


def test_selected_rows_keep_their_numbers() -> None:
    numbers_TB = torch.arange(12).view(3, 4)
    mask, values_TBH = DropoutMask(Dropout(0.5, seed=3), numbers_TB), torch.ones(3, 4, 7)
    chosen = numbers_TB % 5 == 1
    whole = mask.apply(values_TBH, 1, masks=2)
    assert torch.equal(mask.select(chosen).apply(values_TBH[chosen], 1, masks=2), whole[:, chosen])


def test_no_dropout_keeps_all_values() -> None:
    values = torch.randn(5, 6)
    assert torch.equal(NO_DROPOUT.apply(values, 0), values[None])
