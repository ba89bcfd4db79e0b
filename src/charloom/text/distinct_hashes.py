"""The distinct ones of very many numbers, in order, while memory holds a part of them."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

BUCKET_SIZE = 1 << 23
"""Numbers that are sorted at once, more or less, if few are equal."""

Numbers = NDArray[np.uint64]


def iter_distinct(
    blocks: Callable[[], Iterator[Numbers]], count: int, bits: int
) -> Iterator[Numbers]:
    """Yield the distinct ones of ``count`` numbers below 2**bits in ascending order, in pieces.

    ``blocks`` gives the numbers anew at each call. They should be spread evenly, as hashes are.
    """
    shift = max(0, (max(count, 1) - 1) // BUCKET_SIZE).bit_length()
    for bucket in range(1 << shift):
        chosen = [_in_bucket(block, bucket, bits - shift) for block in blocks()]
        numbers = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.uint64)
        numbers.sort()
        first = np.ones(len(numbers), dtype=bool)  # of equal ones; np.unique takes far longer
        np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
        yield numbers[first]


def _in_bucket(block: Numbers, bucket: int, low_bits: int) -> Numbers:
    """Return the numbers whose upper bits are ``bucket``."""
    if low_bits >= 64:
        return block
    chosen: Numbers = block[block >> np.uint64(low_bits) == np.uint64(bucket)]
    return chosen
