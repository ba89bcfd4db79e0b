"""Random permutations of any size that are computed element by element.

A Feistel network permutes the numbers below a power of four: each half of a number is in turn
changed by a function of the other half and a key. Results outside of the range are permuted again
until they are in it (cycle walking), which allows any size: Black and Rogaway, "Ciphers with
Arbitrary Finite Domains", CT-RSA 2002, https://doi.org/10.1007/3-540-45760-7_9.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charloom.randomness import random_key, splitmix64

_ROUNDS = 6


class RandomPermutation:
    """A permutation of the numbers 0 to ``size`` - 1 that is determined by ``key``."""

    def __init__(self, size: int, key: Sequence[int]) -> None:
        self._size = np.uint64(size)
        # The smallest power of four that is not below the size: at least a quarter is in range.
        half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
        self._half_bits, self._half_mask = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
        self._keys = [np.uint64(random_key(*key, number)) for number in range(_ROUNDS)]

    def values(self, begin: int, end: int) -> NDArray[np.int64]:
        """Return the elements of the permutation from index ``begin`` to before ``end``."""
        return self.at(np.arange(begin, end))

    def at(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the elements of the permutation at some indices."""
        numbers = self._feistel(indices.astype(np.uint64))
        while len(outside := np.flatnonzero(numbers >= self._size)):
            numbers[outside] = self._feistel(numbers[outside])
        return numbers.astype(np.int64)

    def _feistel(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        left, right = numbers >> self._half_bits, numbers & self._half_mask
        for key in self._keys:
            left, right = right, left ^ (splitmix64(right ^ key) & self._half_mask)
        return (left << self._half_bits) | right
