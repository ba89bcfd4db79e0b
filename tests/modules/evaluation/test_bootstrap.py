import numpy as np
import pytest

from charloom.evaluation import bootstrap as module
from charloom.evaluation.bootstrap import Bootstrap


def test_of_too_few_pieces_nothing_is_told() -> None:
    few = Bootstrap()
    few.add(np.ones(module.MIN_SEGMENTS - 1), np.ones(module.MIN_SEGMENTS - 1))
    assert few.interval() is None
    few.add(np.ones(1), np.ones(1))
    assert few.interval() == (1, 1)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of 200 samples of 60 pieces, 95 % hold it: fewer than 172 with odds below 1 in 10**6.

    A percentile interval of 60 pieces is a little short (93 % here), which the bound allows for.
    """
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        sizes = generator.integers(5, 50, 60).astype(float)
        nats = generator.normal(2.0, 0.5, 60) * sizes
        one = Bootstrap()
        one.add(nats, sizes)
        low, high = one.interval() or (0, 0)
        held += low < 2.0 < high
    assert 172 <= held < 200


def test_many_pieces_are_put_together_and_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    nats, sizes = generator.exponential(1.0, 6000), np.ones(6000)
    whole = Bootstrap()
    whole.add(nats, sizes)
    expected = whole.interval()
    monkeypatch.setattr(module, "_MAX_BUCKETS", 600)
    together = Bootstrap()
    for first in range(0, 6000, 700):
        together.add(nats[first : first + 700], sizes[first : first + 700])
    assert together.interval() == pytest.approx(expected, abs=0.005)
