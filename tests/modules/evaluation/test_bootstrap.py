"""Intervals against the coverage that they promise."""

import numpy as np
import pytest

from charloom.evaluation.bootstrap import MIN_SEGMENTS, Bootstrap


def test_there_is_no_interval_of_fewer_than_ten_segments() -> None:
    bootstrap = Bootstrap()
    bootstrap.add(np.ones(MIN_SEGMENTS - 1), np.ones(MIN_SEGMENTS - 1))
    assert bootstrap.interval() is None
    bootstrap.add(np.ones(1), np.ones(1))
    assert bootstrap.interval() == (1, 1)


def test_the_interval_contains_the_true_ratio_in_95_percent_of_the_samples() -> None:
    """Of 200 samples of 60 segments, fewer than 172 contain it with a probability below 1e-6.

    The percentile interval of 60 segments is a little too short (93 % here), which the bound
    allows for.
    """
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        characters = generator.integers(5, 50, 60).astype(float)
        nats = generator.normal(2.0, 0.5, 60) * characters
        bootstrap = Bootstrap()
        bootstrap.add(nats, characters)
        low, high = bootstrap.interval() or (0, 0)
        covered += low < 2.0 < high
    assert 172 <= covered < 200


def test_buckets_of_several_segments_have_about_the_same_interval() -> None:
    generator = np.random.default_rng(1)
    nats, characters = generator.exponential(1.0, 6000), np.ones(6000)
    separate, bucketed = Bootstrap(), Bootstrap(max_buckets=600)
    separate.add(nats, characters)
    for first in range(0, 6000, 700):
        bucketed.add(nats[first : first + 700], characters[first : first + 700])
    assert bucketed.interval() == pytest.approx(separate.interval(), abs=0.005)
