"""The benchmark of training steps, by a clock that the tests advance."""

import dataclasses

import pytest

from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.throughput import (
    MAX_TIME_STEPS,
    Benchmark,
    benchmark_seconds,
    time_fastest,
)


class Clock:
    """A clock that advances by ``tick`` seconds at each reading, and by hand."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now = 100.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def time_calls(durations: list[float], max_seconds: float) -> tuple[float, int]:
    """Return the fastest time of calls of these durations, and how many were made."""
    clock, made = Clock(), 0

    def call() -> None:
        nonlocal made
        clock.now += durations[min(made, len(durations) - 1)]
        made += 1

    return time_fastest(call, max_seconds, clock), made


def test_the_fastest_call_counts() -> None:
    assert time_calls([2.0, 0.5, 1.0, 4.0], max_seconds=5.0) == (0.5, 4)


def test_one_call_is_made_however_long_it_lasts() -> None:
    assert time_calls([60.0], max_seconds=0.4) == (60.0, 1)
    assert time_calls([0.25], max_seconds=0.0) == (0.25, 1)


def test_calls_are_made_until_the_time_is_used() -> None:
    assert time_calls([0.125], max_seconds=1.25) == (0.125, 10)


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(None, 0.6), (10.0, 0.6), (0.2, 0.3), (0.1, 0.15), (0.001, 0.0015)]
)
def test_the_measurements_take_a_small_fraction_of_a_short_budget(
    minutes: float | None, seconds: float
) -> None:
    training = dataclasses.replace(TrainingSettings(epochs=1), epochs=None, minutes=minutes)
    assert benchmark_seconds(training) == pytest.approx(seconds)


@pytest.mark.parametrize("time_steps", [1, MAX_TIME_STEPS, 4 * MAX_TIME_STEPS])
def test_symbols_per_second_are_those_of_a_whole_minibatch(time_steps: int) -> None:
    benchmark = Benchmark(
        vocabulary_size=5, time_steps=time_steps, max_seconds=0.0, clock=Clock(tick=0.125)
    )
    training = TrainingSettings(epochs=1, batch_size=7)
    rate = benchmark.symbols_per_second(NetworkSettings(hidden=8, input=4), training)
    # A pass lasts one tick of the clock, with and without the optimizer's steps.
    seconds = 0.125 * max(time_steps / MAX_TIME_STEPS, 1)
    assert rate == time_steps * 7 / seconds
