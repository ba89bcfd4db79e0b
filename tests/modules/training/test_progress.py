import math

import pytest

from charloom.settings import TrainingSettings
from charloom.training.progress import (
    MAX_VALIDATION_SHARE,
    OverfittingDetector,
    RunningMean,
    Stopwatch,
    ValidationSchedule,
)


class Clock:
    """A clock that the tests advance."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_stopwatch_counts_from_its_first_start() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)
    clock.now += 5
    assert stopwatch.seconds == 0
    stopwatch.start()
    clock.now += 2
    stopwatch.start()
    clock.now += 1
    assert stopwatch.seconds == 3


def test_a_restored_stopwatch_adds_to_the_seconds_before() -> None:
    clock = Clock()
    first, second = Stopwatch(clock), Stopwatch(clock)
    first.start()
    clock.now += 3
    second.load_state_dict(first.state_dict())
    clock.now += 50
    assert second.seconds == 3
    second.start()
    clock.now += 4
    assert second.seconds == 7


def test_the_running_mean_is_a_ratio_of_decayed_sums() -> None:
    mean = RunningMean(decay=0.5)
    assert math.isnan(mean.value)
    mean.update(10, 5)
    assert mean.value == 2
    mean.update(3, 1)
    assert mean.value == (5 + 3) / (2.5 + 1)


@pytest.mark.parametrize(
    ("settings", "fraction"),
    [
        (TrainingSettings(minutes=0.5), 12 / 30),
        (TrainingSettings(epochs=4), 1.5 / 4),
        (TrainingSettings(steps=40), 30 / 40),
        (TrainingSettings(), 12 / 120),
    ],
)
def test_progress_is_the_fraction_of_the_budget_used(
    settings: TrainingSettings, fraction: float
) -> None:
    schedule = ValidationSchedule(settings)
    assert schedule.progress(step=30, epochs=1.5, seconds=12) == pytest.approx(fraction)
    assert schedule.progress(step=9999, epochs=999, seconds=9999) == 1


def test_a_validation_is_due_at_every_end_of_an_epoch() -> None:
    schedule = ValidationSchedule(TrainingSettings(epochs=3))
    assert schedule.due_at_epoch_end(step=1, seconds=0.001)
    schedule.record(step=1, seconds=0.001, duration=9.0)
    assert not schedule.due_at_epoch_end(step=1, seconds=0.001), "one validation a step"
    assert schedule.due_at_epoch_end(step=2, seconds=0.002)


def test_with_a_budget_of_minutes_short_epochs_are_validated_twenty_times_at_most() -> None:
    schedule = ValidationSchedule(TrainingSettings(minutes=1))
    validations = 0
    for step in range(1, 600):
        if schedule.due_at_epoch_end(step, seconds=step * 0.1):
            schedule.record(step, seconds=step * 0.1, duration=0.01)
            validations += 1
    assert validations == 19


def test_a_validation_is_due_every_sample_every_seconds() -> None:
    schedule = ValidationSchedule(TrainingSettings(minutes=1, sample_every=5))
    assert not schedule.due(4.9)
    assert schedule.due(5)
    schedule.record(step=7, seconds=5, duration=3)
    assert not schedule.due(9.9)
    assert not ValidationSchedule(TrainingSettings(epochs=1)).due(1e9)


def test_a_validation_is_due_after_a_quarter_of_the_minutes() -> None:
    schedule = ValidationSchedule(TrainingSettings(minutes=1))
    assert not schedule.due(14.9)
    assert schedule.due(15)
    schedule.record(3, 16, 0.1)
    assert not schedule.due(30.9)
    assert schedule.due(31)


def test_long_validations_are_a_small_share_of_the_minutes() -> None:
    schedule = ValidationSchedule(TrainingSettings(minutes=1))
    schedule.record(1, seconds=10, duration=0.9)
    assert not schedule.due_at_epoch_end(2, 10 + 0.9 / MAX_VALIDATION_SHARE - 0.1)
    assert not schedule.due(10 + 0.9 / MAX_VALIDATION_SHARE - 0.1)
    assert schedule.due_at_epoch_end(2, 10 + 0.9 / MAX_VALIDATION_SHARE + 0.1)
    assert schedule.due(10 + 0.9 / MAX_VALIDATION_SHARE + 0.1)


def test_a_restored_schedule_decides_alike() -> None:
    schedule, restored = (ValidationSchedule(TrainingSettings(minutes=1)) for _ in range(2))
    schedule.record(7, seconds=10, duration=0.6)
    restored.load_state_dict(schedule.state_dict())
    for step, seconds in [(7, 59.0), (8, 25.0), (8, 29.9), (8, 30.0), (8, 31.0)]:
        due = schedule.due_at_epoch_end(step, seconds)
        assert restored.due_at_epoch_end(step, seconds) == due
        assert restored.due(seconds) == schedule.due(seconds)


def test_overfitting_is_a_training_loss_that_decreases_alone() -> None:
    overfitting = OverfittingDetector()
    losses = [(3.0, 3.1), (2.5, 2.4), (2.52, 2.3), (2.5, 2.2), (2.51, 2.1), (2.53, 2.0)]
    seen = [overfitting.update(v, t) for v, t in losses]
    assert seen == [False, False, False, False, True, True]
    assert not overfitting.update(2.4, 1.9), "a new best starts over"


def test_two_constant_losses_are_not_overfitting() -> None:
    overfitting = OverfittingDetector()
    losses = [(2.5, 2.4), (2.5, 2.39), (2.6, 2.38), (2.7, 2.36), (2.8, 2.37)]
    assert not any(overfitting.update(v, t) for v, t in losses)
