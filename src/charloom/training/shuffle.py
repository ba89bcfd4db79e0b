"""A random order of very many things that is computed place by place, and never held.

A Feistel network: a number is cut into two halves, and each in turn is changed by a function of the
other and of a key. Whatever that function is, different numbers stay different. A number that
leaves the range goes through again until it is back (cycle walking), so the range may have any
size: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charloom.randomness import splitmix64

_ROUNDS = 6


class RandomPermutation:
    """A permutation of the numbers from 0 to before ``count`` that follows from ``key``."""

    def __init__(self, count: int, key: Sequence[int]) -> None:
        self._count = np.uint64(count)
        # The smallest square of a power of two that holds all: at least a quarter is in the range.
        half = max(1, ((count - 1).bit_length() + 1) // 2)
        self._half, self._mask = np.uint64(half), np.uint64((1 << half) - 1)
        self._keys = np.random.SeedSequence(key).generate_state(_ROUNDS, np.uint64)

    def values(self, begin: int, end: int) -> NDArray[np.int64]:
        """Return the numbers that stand at the places from ``begin`` to before ``end``."""
        numbers = self._sent(np.arange(begin, end, dtype=np.uint64))
        while len(outside := np.flatnonzero(numbers >= self._count)):
            numbers[outside] = self._sent(numbers[outside])
        return numbers.astype(np.int64)

    def _sent(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return where numbers below the square are sent, each to a place of its own."""
        left, right = numbers >> self._half, numbers & self._mask
        for key in self._keys:
            left, right = right, left ^ (splitmix64(right ^ key) & self._mask)
        return (left << self._half) | right
