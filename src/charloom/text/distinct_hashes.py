"""Distinct hashes in ascending order, in memory bounded by one bucket of them."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

BUCKET_SIZE = 1 << 23
"""Approximate number of hashes that are sorted at once, if few are equal."""

Numbers = NDArray[np.uint64]


def iter_distinct(
    blocks: Callable[[], Iterator[Numbers]], count: int, bits: int
) -> Iterator[Numbers]:
    """Yield the distinct values among ``count`` numbers, ascending, in arrays.

    ``blocks`` is called once per bucket and must return all numbers each time. They are below
    2**bits, and should be distributed evenly, as hashes are.
    """
    shift = max(0, (max(count, 1) - 1) // BUCKET_SIZE).bit_length()
    for bucket in range(1 << shift):
        members = [_in_bucket(block, bucket, bits - shift) for block in blocks()]
        numbers = np.concatenate(members) if members else np.zeros(0, dtype=np.uint64)
        numbers.sort()
        first = np.ones(len(numbers), dtype=bool)  # np.unique takes far longer
        np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
        yield numbers[first]


def _in_bucket(block: Numbers, bucket: int, low_bits: int) -> Numbers:
    if low_bits >= 64:
        return block
    members: Numbers = block[block >> np.uint64(low_bits) == np.uint64(bucket)]
    return members
