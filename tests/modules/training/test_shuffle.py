"""Elements computed one by one form a permutation, which looks random."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charloom.training.shuffle import RandomPermutation


@given(count=st.integers(1, 3000), seed=st.integers(0, 2**63), epoch=st.integers(1, 9))
def test_each_number_occurs_once(count: int, seed: int, epoch: int) -> None:
    permutation = RandomPermutation(count, (seed, epoch))
    assert sorted(permutation.values(0, count).tolist()) == list(range(count))


@given(count=st.integers(1, 500), cuts=st.lists(st.integers(0, 500)))
def test_ranges_are_slices_of_the_whole_permutation(count: int, cuts: list[int]) -> None:
    permutation = RandomPermutation(count, (1, 2))
    bounds = sorted({0, count, *(cut for cut in cuts if cut < count)})
    slices = [permutation.values(a, b).tolist() for a, b in zip(bounds, bounds[1:], strict=False)]
    assert sum(slices, []) == permutation.values(0, count).tolist()


def test_a_permutation_follows_from_its_key() -> None:
    def whole(*key: int) -> list[int]:
        numbers: list[int] = RandomPermutation(1000, key).values(0, 1000).tolist()
        return numbers

    assert whole(3, 1) == whole(3, 1)
    assert whole(3, 1) != whole(3, 2) != whole(4, 1)


def test_every_number_is_equally_likely_at_every_index() -> None:
    keys, count = 4000, 20
    seen = np.zeros((count, count))
    for key in range(keys):
        seen[np.arange(count), RandomPermutation(count, (key,)).values(0, count)] += 1
    # Each of the 400 counts is binomial(4000, 1/20). One of them is more than six standard
    # deviations off in one of a million tests.
    assert np.abs(seen - keys / count).max() < 6 * np.sqrt(keys / count)


def test_a_large_permutation_is_spread_over_its_range() -> None:
    permutation = RandomPermutation(50_000_000, (0, 1))
    numbers = np.concatenate([permutation.values(begin, begin + 1600) for begin in (0, 49_998_400)])
    assert len(set(numbers.tolist())) == 3200
    assert numbers.min() >= 0 and numbers.max() < 50_000_000
    # The mean of 3,200 uniform numbers: standard deviation 0.0051 of the range; six of these.
    assert abs(numbers.mean() / 50_000_000 - 0.5) < 0.031
