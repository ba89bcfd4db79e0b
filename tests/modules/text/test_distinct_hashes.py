"""Distinct numbers, bucket by bucket, agree with a set."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.text import distinct_hashes
from charloom.text.distinct_hashes import iter_distinct


@given(
    numbers=st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 7, 2**63, 2**64 - 1])),
    bucket=st.integers(1, 50),
    block=st.integers(1, 9),
)
def test_each_number_is_yielded_once_in_order(numbers: list[int], bucket: int, block: int) -> None:
    array = np.array(numbers, dtype=np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct_hashes, "BUCKET_SIZE", bucket)
        arrays = list(
            iter_distinct(
                lambda: (array[b : b + block] for b in range(0, len(array), block)),
                len(array),
                64,
            )
        )
    assert [int(n) for array in arrays for n in array] == sorted(set(numbers))


def test_numbers_of_fewer_bits_fill_all_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct_hashes, "BUCKET_SIZE", 100)
    array = np.random.default_rng(0).integers(0, 2**40, size=800).astype(np.uint64)
    arrays = list(iter_distinct(lambda: iter([array]), len(array), 40))
    assert len(arrays) == 8
    # Binomial(800, 1/8): 100 with a standard deviation of 9.4; the bounds are six of them away.
    assert all(43 < len(bucket) < 157 for bucket in arrays)
    assert all(first[-1] < second[0] for first, second in pairwise(arrays))
