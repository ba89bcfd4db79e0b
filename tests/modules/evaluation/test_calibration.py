"""Calibration on made texts whose mean and variance are known."""

import json

import numpy as np
import pytest

from charloom.errors import CorpusError
from charloom.evaluation.calibration import FALSE_POSITIVE_RATE, MIN_TEXTS, Calibration


def usual(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return bits and characters of texts: mean 3 + 2 n, variance 4 + 5 n."""
    generator = np.random.default_rng(seed)
    characters = generator.integers(2, 200, count).astype(float)
    return generator.normal(3 + 2 * characters, np.sqrt(4 + 5 * characters)), characters


def test_mean_and_variance_are_found() -> None:
    made = Calibration.fit(*usual(20_000))
    # Within five standard errors, which are about 0.1 for the mean and 1 for the variance.
    assert made.mean == pytest.approx((3, 2), abs=0.5)
    assert made.variance[1] == pytest.approx(5, rel=0.1)
    lengths = np.array([2.0, 50.0, 200.0])
    assert made.mean[0] + made.mean[1] * lengths == pytest.approx(3 + 2 * lengths, rel=0.05)
    # The 99 % quantile of the normal distribution.
    assert made.limit == pytest.approx(2.326, abs=0.1)


def test_as_many_usual_texts_are_marked_as_are_said_at_every_length() -> None:
    made = Calibration.fit(*usual(20_000))
    bits, characters = usual(50_000, seed=1)
    marked = made.surprise(bits, characters) > made.limit
    for low, high in ((2, 10), (10, 50), (50, 200)):
        own = (characters >= low) & (characters < high)
        # Of at least 2,000 texts one in a hundred, within five standard errors and the fit's own.
        assert marked[own].mean() == pytest.approx(FALSE_POSITIVE_RATE, abs=0.012)


def test_a_surprise_counts_standard_deviations() -> None:
    made = Calibration(mean=(3, 2), variance=(4, 5), limit=2.0, texts=100)
    bits = np.array([23.0, 23 + np.sqrt(54), 23 - 2 * np.sqrt(54)])
    assert made.surprise(bits, np.full(3, 10.0)) == pytest.approx([0, 1, -2])


@pytest.mark.parametrize("spread", [0.0, 2.0])
def test_texts_of_one_length(spread: float) -> None:
    generator = np.random.default_rng(0)
    bits = 30 + spread * generator.standard_normal(400)
    made = Calibration.fit(bits, np.full(400, 10.0))
    assert made.mean[0] + 10 * made.mean[1] == pytest.approx(30, abs=0.5)
    above = made.surprise(np.array([30 + 5 * spread + 1]), np.array([10.0]))
    assert above[0] > made.limit


def test_a_variance_that_falls_is_taken_as_constant_and_none_is_negative() -> None:
    characters = np.arange(1.0, 201.0)
    signs = np.where(np.arange(200) % 2, 1.0, -1.0)
    falling = Calibration.fit(characters + signs * (201 - characters) / 50, characters)
    assert falling.variance[1] == 0 < falling.variance[0]
    steep = Calibration.fit(characters + signs * np.maximum(characters - 100, 0), characters)
    assert steep.variance[0] == 0 < steep.variance[1]


def test_json_gives_it_back() -> None:
    made = Calibration.fit(*usual(MIN_TEXTS))
    assert Calibration.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_too_few_texts() -> None:
    with pytest.raises(CorpusError) as error:
        Calibration.fit(*usual(MIN_TEXTS - 1))
    assert str(error.value) == (
        "a threshold was to be found from 49 texts; at least 50 are needed; "
        "give more with --calibrate, or --threshold as bits per character."
    )
