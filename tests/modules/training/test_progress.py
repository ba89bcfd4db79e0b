import math

import pytest

from charloom.settings import TrainingSettings
from charloom.training.progress import (
    OverfittingDetector,
    RunningMean,
    Stopwatch,
    ValidationSchedule,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_stopwatch_counts_only_while_it_runs() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    clock.now += 5
    assert watch.seconds == 0
    watch.start()
    clock.now += 2
    watch.start()
    clock.now += 1
    watch.pause()
    clock.now += 50
    assert watch.seconds == 3
    watch.start()
    clock.now += 4
    assert watch.seconds == 7


def test_the_average_weighs_by_units_and_forgets() -> None:
    average = RunningMean(decay=0.5)
    assert math.isnan(average.value)
    average.update(10, 5)
    assert average.value == 2
    average.update(3, 1)
    assert average.value == (5 + 3) / (2.5 + 1)


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        (TrainingSettings(minutes=0.5), 12 / 30),
        (TrainingSettings(epochs=4), 1.5 / 4),
        (TrainingSettings(steps=40), 30 / 40),
        (TrainingSettings(), 12 / 120),
    ],
)
def test_progress_is_the_share_of_the_budget(settings: TrainingSettings, share: float) -> None:
    pace = ValidationSchedule(settings)
    assert pace.progress(step=30, epochs=1.5, seconds=12) == pytest.approx(share)
    assert pace.progress(step=9999, epochs=999, seconds=9999) == 1


def test_reports_come_at_every_end_of_an_epoch() -> None:
    pace = ValidationSchedule(TrainingSettings(epochs=3))
    assert pace.due_at_epoch_end(step=1, seconds=0.001)
    pace.record(step=1, seconds=0.001)
    assert not pace.due_at_epoch_end(step=1, seconds=0.001), "one report a step"
    assert pace.due_at_epoch_end(step=2, seconds=0.002)


def test_short_epochs_of_a_run_by_the_clock_are_reported_twenty_times_at_most() -> None:
    pace = ValidationSchedule(TrainingSettings(minutes=1))
    reports = 0
    for step in range(1, 600):
        if pace.due_at_epoch_end(step, seconds=step * 0.1):
            pace.record(step, seconds=step * 0.1)
            reports += 1
    assert reports == 19


def test_reports_between_epochs_come_when_asked_for() -> None:
    pace = ValidationSchedule(TrainingSettings(minutes=1, sample_every=5))
    assert not pace.due(4.9)
    assert pace.due(5)
    pace.record(step=7, seconds=5)
    assert not pace.due(9.9)
    assert not ValidationSchedule(TrainingSettings(epochs=1)).due(1e9)


def test_a_quarter_of_the_minutes_without_a_report_brings_one() -> None:
    pace = ValidationSchedule(TrainingSettings(minutes=1))
    assert not pace.due(14.9)
    assert pace.due(15)
    pace.record(3, 16)
    assert not pace.due(30.9)
    assert pace.due(31)


def test_the_gap_between_ends_of_epochs_can_be_larger() -> None:
    pace = ValidationSchedule(TrainingSettings(minutes=1), min_interval=0.2)
    assert not pace.due_at_epoch_end(1, 11.9)
    assert pace.due_at_epoch_end(1, 12)


def test_overfitting_is_a_training_loss_that_falls_on_alone() -> None:
    overfitting = OverfittingDetector()
    figures = [(3.0, 3.1), (2.5, 2.4), (2.52, 2.3), (2.5, 2.2), (2.51, 2.1), (2.53, 2.0)]
    seen = [overfitting.update(v, t) for v, t in figures]
    assert seen == [False, False, False, False, True, True]
    assert not overfitting.update(2.4, 1.9), "a new best is a new beginning"


def test_a_figure_that_stands_still_with_the_loss_is_not_overfitting() -> None:
    overfitting = OverfittingDetector()
    figures = [(2.5, 2.4), (2.5, 2.39), (2.6, 2.38), (2.7, 2.36), (2.8, 2.37)]
    assert not any(overfitting.update(v, t) for v, t in figures)
