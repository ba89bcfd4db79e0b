"""How long the speed of a network is measured."""

import dataclasses
import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training import throughput
from charloom.training.data_parallel import DataParallel


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(None, 0.4), (10.0, 0.4), (0.2, 0.2), (0.1, 0.1), (0.001, 0.0)]
)
def test_a_measurement_takes_a_small_share_of_a_short_budget(
    minutes: float | None, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, ticks = [], itertools.count()
    learn = DataParallel.forward_backward

    def counted(parts: DataParallel, *given: Any) -> Any:
        taken.append(1)
        return learn(parts, *given)

    monkeypatch.setattr(DataParallel, "forward_backward", counted)
    # The clock moves on by a hundredth of a second each time that it is read.
    clock = SimpleNamespace(perf_counter=lambda: next(ticks) / 100)
    monkeypatch.setattr(throughput, "time", clock)
    training = dataclasses.replace(TrainingSettings(epochs=1), epochs=None, minutes=minutes)
    rate = throughput.measure_symbols_per_second(
        NetworkSettings(hidden=8, input=4), training, 5, time_steps=3
    )
    # It is read before and after a step, but the first, and when it is asked for the time.
    assert rate == pytest.approx(3 * training.batch_size / 0.01)
    assert len(taken) == pytest.approx(max(throughput.MIN_STEPS, 100 * seconds / 3), abs=3)
