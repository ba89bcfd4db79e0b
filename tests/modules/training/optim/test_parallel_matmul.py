from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from charloom.training.optim.parallel_matmul import MIN_PARALLEL_MULTIPLICATIONS, parallel_addmm_
from charloom.training.threads import ThreadPool


class CountingPool(ThreadPool):
    """Records the number of items of each call of ``map``."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.items: list[int] = []

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        self.items.append(len(items))
        return super().map(function, items)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_large_product_is_computed_in_chunks_of_rows(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    left_MK = torch.randn(401, 300, generator=generator)
    right_KN = torch.randn(300, 320, generator=generator)
    expected_MN = 0.5 - 2 * left_MK.double().numpy() @ right_KN.double().numpy()
    with CountingPool(count) as threads:
        for left, right, expected in (
            (left_MK, right_KN, expected_MN),
            (right_KN.T, left_MK.T, expected_MN.T),
        ):
            result = torch.ones(expected.shape)
            returned = parallel_addmm_(threads, result, left, right, beta=0.5, alpha=-2.0)
            assert returned is result
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-3)
    assert threads.items == ([] if count == 1 else [count, count])


def test_a_small_product_uses_one_thread() -> None:
    rows = MIN_PARALLEL_MULTIPLICATIONS // 100 - 1
    with CountingPool(2) as threads:
        result = parallel_addmm_(
            threads, torch.ones(rows, 10), torch.ones(rows, 10), torch.ones(10, 10), beta=1, alpha=1
        )
    assert threads.items == []
    assert (result == 11).all()
