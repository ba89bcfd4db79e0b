"""An order that is computed place by place is a permutation, and looks like any other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charloom.training.shuffle import RandomPermutation


@given(count=st.integers(1, 3000), seed=st.integers(0, 2**63), epoch=st.integers(1, 9))
def test_each_number_has_one_place(count: int, seed: int, epoch: int) -> None:
    order = RandomPermutation(count, (seed, epoch))
    assert sorted(order.values(0, count).tolist()) == list(range(count))


@given(count=st.integers(1, 500), cuts=st.lists(st.integers(0, 500)))
def test_pieces_are_those_of_the_whole(count: int, cuts: list[int]) -> None:
    order = RandomPermutation(count, (1, 2))
    bounds = sorted({0, count, *(cut for cut in cuts if cut < count)})
    pieces = [order.values(a, b).tolist() for a, b in zip(bounds, bounds[1:], strict=False)]
    assert sum(pieces, []) == order.values(0, count).tolist()


def test_it_follows_from_the_key() -> None:
    def whole(*key: int) -> list[int]:
        found: list[int] = RandomPermutation(1000, key).values(0, 1000).tolist()
        return found

    assert whole(3, 1) == whole(3, 1)
    assert whole(3, 1) != whole(3, 2) != whole(4, 1)


def test_every_number_is_as_likely_at_every_place() -> None:
    keys, count = 4000, 20
    seen = np.zeros((count, count))
    for key in range(keys):
        seen[np.arange(count), RandomPermutation(count, (key,)).values(0, count)] += 1
    # Each is binomial(4000, 1/20): beyond six standard deviations of it in none of the 400 counts
    # but once in a million tests.
    assert np.abs(seen - keys / count).max() < 6 * np.sqrt(keys / count)


def test_a_place_among_fifty_million() -> None:
    order = RandomPermutation(50_000_000, (0, 1))
    found = np.concatenate([order.values(begin, begin + 1600) for begin in (0, 49_998_400)])
    assert len(set(found.tolist())) == 3200
    assert found.min() >= 0 and found.max() < 50_000_000
    # The mean of 3,200 uniform numbers: standard deviation 0.0051 of the range; six of them.
    assert abs(found.mean() / 50_000_000 - 0.5) < 0.031
