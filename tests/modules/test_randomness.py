"""Published results of Philox and splitmix64; uniform numbers against plain Python integers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.randomness import philox, random_key, random_uniform, splitmix64, uniform

WORD = 0xFFFFFFFF

# Counter, key and result of philox4x32-10, from the known answers of Random123.
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([WORD] * 4, [WORD] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


def plain_uniform(seed: int, position: int) -> Fraction:
    """Compute a uniform number by the steps in the docstring of ``charloom.randomness``."""
    c0, c1, c2, c3 = position & WORD, position >> 32, 0, 0
    k0, k1 = seed & WORD, seed >> 32
    for _ in range(10):
        p, q = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (q >> 32) ^ c1 ^ k0, q & WORD, (p >> 32) ^ c3 ^ k1, p & WORD
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return Fraction((c0 >> 5) * 2**26 + (c1 >> 6), 2**53)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_gives_the_known_answers(
    counter: list[int], key: list[int], expected: list[int]
) -> None:
    words = philox([np.array(c, np.uint64) for c in counter], [np.array(k, np.uint64) for k in key])
    assert [int(word) for word in words] == expected


def test_philox_gives_the_known_answers_in_one_call() -> None:
    """Results do not depend on the shape of the arrays."""
    counters = np.array([counter for counter, _, _ in KNOWN], np.uint64).T
    keys = np.array([key for _, key, _ in KNOWN], np.uint64).T
    words = philox(list(counters), list(keys))
    assert np.array(words).T.tolist() == [expected for _, _, expected in KNOWN]


@given(seed=st.integers(0, 2**64 - 1), position=st.integers(0, 2**64 - 1))
def test_uniform_numbers_are_those_of_the_documented_steps(seed: int, position: int) -> None:
    value = uniform(np.array([seed], np.uint64), np.array([position], np.uint64))
    assert Fraction(float(value[0])) == plain_uniform(seed, position)
    assert 0 <= value[0] < 1


def test_uniform_numbers_are_those_of_an_implementation_in_javascript() -> None:
    """The expected numbers come from JavaScript code written from the documented steps."""
    seeds = np.array([0, 1, 2**63 - 1], np.uint64)
    positions = np.array([0, 1, 2**40], np.uint64)
    assert uniform(seeds[:, None], positions).tolist() == [
        [0.39904647231489565, 0.9722412032044762, 0.12069524073967874],
        [0.8902591757080309, 0.6719982689180368, 0.29569338074459384],
        [0.19884203059836236, 0.032010501402990554, 0.873264987704792],
    ]


def test_uniform_numbers_pass_a_chi_square_test() -> None:
    """100 equal cells, for many positions of one seed and for many seeds at one position.

    The seed is fixed, so the result never changes. A perfect generator exceeds 180.8 (99 degrees
    of freedom) with a probability of 1 in a million.
    """
    count = 200_000
    numbers = np.arange(count, dtype=np.uint64)
    seven = np.array([7], np.uint64)
    for values in (uniform(seven, numbers), uniform(numbers, seven)):
        cells = np.histogram(values, bins=100, range=(0, 1))[0]
        assert ((cells - count / 100) ** 2 / (count / 100)).sum() < 180.8


def test_splitmix64_gives_the_published_numbers() -> None:
    """The first three outputs of the reference generator from seed 0."""
    gamma = 0x9E3779B97F4A7C15
    states = np.array([0, gamma, 2 * gamma % 2**64], dtype=np.uint64)
    assert [hex(v) for v in splitmix64(states).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def plain_splitmix64(state: int, count: int) -> list[int]:
    """Return the first outputs of the generator by whole numbers of Python."""
    outputs = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        outputs.append(z ^ (z >> 31))
    return outputs


@given(st.integers(0, 2**64 - 1), st.integers(0, 20), st.integers(0, 20))
def test_random_numbers_are_those_of_splitmix64(key: int, first: int, count: int) -> None:
    outputs = plain_splitmix64(key, first + count)[first:]
    expected = [Fraction(output >> 11, 2**53) for output in outputs]
    assert [Fraction(value) for value in random_uniform(key, count, first).tolist()] == expected


def test_random_numbers_of_neighboring_keys_pass_a_chi_square_test() -> None:
    """As above; numbers of one key, and the first numbers of 20,000 keys."""
    first = np.concatenate([random_uniform(random_key(3, n), 1) for n in range(20_000)])
    for values in (random_uniform(random_key(7), 200_000), first):
        mean = len(values) / 100
        cells = np.histogram(values, bins=100, range=(0, 1))[0]
        assert ((cells - mean) ** 2 / mean).sum() < 180.8


def test_a_key_is_a_hash_of_hashes() -> None:
    key = 0
    for number in (5, 2**64 - 1, 0):
        [key] = plain_splitmix64(key ^ number, 1)
    assert random_key(5, -1, 2**64) == key
    assert random_key() == 0


def test_keys_differ_by_order_and_length() -> None:
    numbers = [(), (0,), (0, 0), (1,), (1, 2), (2, 1), (1, 2, 3), (3,)]
    assert len({random_key(*given) for given in numbers}) == len(numbers)
