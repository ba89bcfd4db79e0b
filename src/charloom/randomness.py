"""Counter-based random numbers: Philox4x32-10 and SplitMix64.

A number depends on a seed and a position only, so any order of computation gives the same numbers.

Source of Philox: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3"
(SC 2011), with the constants of their Random123 library, whose known answers the tests check.

The steps below define the uniform number of ``(seed, position)`` for implementations in other
languages. Seed and position are unsigned 64-bit integers; ``low`` and ``high`` are the lower and
upper 32 bits of such an integer. Words are unsigned 32-bit integers; the products p and q have 64
bits.

1. Let c0, c1, c2, c3 = low(position), high(position), 0, 0 and k0, k1 = low(seed), high(seed).
2. Ten times: let p = 0xD2511F53 * c0 and q = 0xCD9E8D57 * c2, then
   c0, c1, c2, c3 = high(q) xor c1 xor k0, low(q), high(p) xor c3 xor k1, low(p), followed by
   k0 = k0 + 0x9E3779B9, k1 = k1 + 0xBB67AE85, both modulo 2**32.
3. The uniform number is ((c0 >> 5) * 2**26 + (c1 >> 6)) / 2**53: a multiple of 2**-53 in [0, 1).
   c2 and c3 are not used.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UInt64s = NDArray[np.uint64]

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
"""Distance of the states of SplitMix64, an odd number."""

ROUNDS = 10
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_INCREMENTS = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
_LOW_WORD = np.uint64(0xFFFFFFFF)
_WORD_BITS = np.uint64(32)


def philox(
    counter: Sequence[UInt64s], key: Sequence[UInt64s]
) -> tuple[UInt64s, UInt64s, UInt64s, UInt64s]:
    """Map a counter of four words to four random words under a key of two words.

    Words are 32-bit integers in arrays of 64 bits, so that products fit. Arrays broadcast.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        p, q = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (q >> _WORD_BITS) ^ c1 ^ k0,
            q & _LOW_WORD,
            (p >> _WORD_BITS) ^ c3 ^ k1,
            p & _LOW_WORD,
        )
        k0, k1 = (k0 + _KEY_INCREMENTS[0]) & _LOW_WORD, (k1 + _KEY_INCREMENTS[1]) & _LOW_WORD
    return c0, c1, c2, c3


def uniform(seeds: UInt64s, positions: UInt64s) -> NDArray[np.float64]:
    """Return a uniform number in [0, 1) for each seed and position.

    The arrays broadcast.
    """
    zero = np.zeros((), np.uint64)
    counter = (positions & _LOW_WORD, positions >> _WORD_BITS, zero, zero)
    c0, c1, _, _ = philox(counter, (seeds & _LOW_WORD, seeds >> _WORD_BITS))
    fraction = ((c0 >> np.uint64(5)) << np.uint64(26)) + (c1 >> np.uint64(6))
    return fraction.astype(np.float64) * 2.0**-53


def splitmix64(values: UInt64s) -> UInt64s:
    """Hash each 64-bit value to 64 bits; different values have different hashes.

    Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014).
    """
    mixed = values + np.uint64(GOLDEN_GAMMA)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def random_key(*numbers: int) -> int:
    """Return a 64-bit hash of whole numbers, of which each counts modulo 2**64.

    >>> random_key(1, 2) == random_key(1, 2 + 2**64) != random_key(2, 1)
    True
    """
    key = np.zeros(1, np.uint64)
    for number in numbers:
        key = splitmix64(key ^ np.uint64(number % 2**64))
    return int(key[0])


def random_uniform(key: int, count: int, first: int = 0) -> NDArray[np.float64]:
    """Return ``count`` numbers of the generator SplitMix64, from number ``first``.

    Its first state is ``key``. The numbers are uniform multiples of 2**-53 in [0, 1). Any of them
    can be computed alone.
    """
    positions = np.arange(first, first + count, dtype=np.uint64)
    bits = splitmix64(np.uint64(key) + positions * np.uint64(GOLDEN_GAMMA))
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
