"""The benchmark of a training step, by a clock that the tests advance."""

import dataclasses

import pytest

from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.throughput import (
    MIN_STEPS,
    benchmark_seconds,
    measure_symbols_per_second,
    time_fastest_step,
)


class Clock:
    """A clock that advances by ``tick`` seconds at each reading, and by hand."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now = 100.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def time_steps(durations: list[float], max_seconds: float) -> tuple[float, int]:
    """Return the fastest time of steps of these durations, and how many were taken."""
    clock, taken = Clock(), 0

    def step() -> None:
        nonlocal taken
        clock.now += durations[min(taken, len(durations) - 1)]
        taken += 1

    return time_fastest_step(step, max_seconds, clock), taken


def test_the_fastest_step_counts_without_the_first() -> None:
    fastest, taken = time_steps([0.25, 2.0, 0.5, 1.0, 4.0], max_seconds=5.0)
    assert (fastest, taken) == (0.5, 5)


def test_a_few_steps_are_taken_however_long_they_last() -> None:
    assert time_steps([60.0, 8.0, 9.0, 7.0], max_seconds=0.4) == (7.0, MIN_STEPS)


def test_steps_are_taken_until_the_time_is_used() -> None:
    assert time_steps([0.125], max_seconds=1.25) == (0.125, 10)


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(None, 0.4), (10.0, 0.4), (0.2, 0.2), (0.1, 0.1), (0.001, 0.001)]
)
def test_a_measurement_takes_a_small_fraction_of_a_short_budget(
    minutes: float | None, seconds: float
) -> None:
    training = dataclasses.replace(TrainingSettings(epochs=1), epochs=None, minutes=minutes)
    assert benchmark_seconds(training) == pytest.approx(seconds)


def test_symbols_per_second_are_those_of_a_whole_minibatch() -> None:
    training = TrainingSettings(epochs=1, batch_size=7)
    rate = measure_symbols_per_second(
        NetworkSettings(hidden=8, input=4), training, 5, time_steps=3, clock=Clock(tick=0.125)
    )
    assert rate == 3 * 7 / 0.125, "a step lasts one tick of the clock"
