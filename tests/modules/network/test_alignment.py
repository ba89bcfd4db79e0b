"""Arrays begin at a line of a cache, whatever their size and type."""

from typing import Any

import numpy as np
import pytest

from charloom.network.alignment import CACHE_LINE_BYTES, align, aligned_zeros


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
@pytest.mark.parametrize("shape", [0, 1, 1000, (3, 7), (2, 0, 4), (1000, 1000)])
def test_zeros_begin_at_a_line_of_a_cache(shape: int | tuple[int, ...], dtype: Any) -> None:
    array = aligned_zeros(shape, dtype)
    assert array.shape == np.empty(shape).shape
    assert array.dtype == dtype
    assert not array.any()
    assert array.ctypes.data % CACHE_LINE_BYTES == 0 or not array.size


def test_copies_are_contiguous_and_equal() -> None:
    values = np.arange(60, dtype=np.float32).reshape(6, 10)[:, 1::2]
    copy = align(values)
    assert (copy == values).all()
    assert copy.flags.c_contiguous
    assert not np.shares_memory(copy, values)
    assert copy.ctypes.data % CACHE_LINE_BYTES == 0
