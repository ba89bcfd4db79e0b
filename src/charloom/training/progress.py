"""Measures of a run: time, used budget, running means, overfitting."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from charloom.settings import TrainingSettings

MIN_VALIDATION_INTERVAL: Final = 0.05
"""Least time between validations at ends of epochs, as a fraction of a budget of minutes."""
MAX_VALIDATION_INTERVAL: Final = 0.25
"""Fraction of a budget of minutes after which a validation is due in the middle of an epoch."""
MAX_VALIDATION_SHARE: Final = 0.03
"""Largest fraction of a budget of minutes for validations, with samples and saving. The first and
the last validation may exceed it."""


class Stopwatch:
    """Measures the time of a run in seconds: training, validations and saving."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._passed = 0.0
        self._started: float | None = None

    def start(self) -> None:
        """Start or resume; do nothing if it runs already."""
        if self._started is None:
            self._started = self._clock()

    @property
    def seconds(self) -> float:
        """Seconds since the start, and those before a restored state was saved."""
        return self._passed + (0.0 if self._started is None else self._clock() - self._started)

    def state_dict(self) -> dict[str, Any]:
        """Return the seconds."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``; no time passes until the next ``start``."""
        self._passed, self._started = state["seconds"], None


class RunningMean:
    """A ratio of two sums in which older values decay exponentially.

    >>> mean = RunningMean(decay=0.5)
    >>> mean.update(10, 5)
    >>> mean.update(3, 1)
    >>> mean.value == (0.5 * 10 + 3) / (0.5 * 5 + 1)
    True
    """

    def __init__(self, decay: float = 0.98) -> None:
        self._decay = decay
        self._value = 0.0
        self._weight = 0.0

    def update(self, value: float, weight: float) -> None:
        """Add ``value``, a sum over ``weight`` units."""
        self._value = self._decay * self._value + value
        self._weight = self._decay * self._weight + weight

    @property
    def value(self) -> float:
        """The mean per unit; NaN before the first update."""
        return self._value / self._weight if self._weight else math.nan

    def state_dict(self) -> dict[str, Any]:
        """Return the decayed sums."""
        return {"value": self._value, "weight": self._weight}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        self._value, self._weight = state["value"], state["weight"]


class ValidationSchedule:
    """Computes how much of the budget is used, and decides when a validation is due.

    Validations are due at the end of each epoch and every ``sample_every`` seconds. With a budget
    of minutes, ends of epochs less than MIN_VALIDATION_INTERVAL of the budget after the last
    validation are skipped, and a validation is due after MAX_VALIDATION_INTERVAL of the budget
    without one. Both intervals are longer where the last validation took more than
    MAX_VALIDATION_SHARE of them.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self._budget_seconds = None if settings.minutes is None else 60 * settings.minutes
        self._epochs = settings.epochs
        self._steps = settings.steps
        self._sample_every = settings.sample_every
        self._last_seconds = 0.0
        self._duration = 0.0
        """Seconds that the last validation took."""
        self.last_step: int | None = None
        """Step of the last validation."""

    def progress(self, step: int, epochs: float, seconds: float) -> float:
        """Return the fraction of the budget used, 0 to 1."""
        if self._budget_seconds is not None:
            used = seconds / self._budget_seconds
        elif self._epochs is not None:
            used = epochs / self._epochs
        else:
            used = step / (self._steps or 1)
        return min(used, 1.0)

    def due(self, seconds: float) -> bool:
        """Return whether a validation is due in the middle of an epoch."""
        since = seconds - self._last_seconds
        if self._sample_every is not None and since >= self._sample_every:
            return True
        if self._budget_seconds is None:
            return False
        return since >= self._interval(MAX_VALIDATION_INTERVAL * self._budget_seconds)

    def due_at_epoch_end(self, step: int, seconds: float) -> bool:
        """Return whether a validation is due at the end of an epoch."""
        if self.last_step == step:
            return False
        if self._budget_seconds is None:
            return True
        min_seconds = self._interval(MIN_VALIDATION_INTERVAL * self._budget_seconds)
        return seconds - self._last_seconds >= min_seconds

    def _interval(self, seconds: float) -> float:
        """Return ``seconds``, or more if the last validation took long."""
        return max(seconds, self._duration / MAX_VALIDATION_SHARE)

    def record(self, step: int, seconds: float, duration: float) -> None:
        """Record a validation after ``step`` steps, which ended at ``seconds``."""
        self.last_step = step
        self._last_seconds = seconds
        self._duration = duration

    def state_dict(self) -> dict[str, Any]:
        """Return step, time and duration of the last validation."""
        return {
            "step": self.last_step,
            "seconds": self._last_seconds,
            "duration": self._duration,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        self.last_step, self._last_seconds = state["step"], state["seconds"]
        self._duration = state["duration"]


class OverfittingDetector:
    """Detects that the training loss decreases while the validation loss does not.

    Losses are in bits per character. ``margin`` is a fraction of the training loss.
    """

    def __init__(self, patience: int = 3, margin: float = 0.02) -> None:
        self._patience = patience
        self._margin = margin
        self._best = math.inf
        self._training_at_best = math.inf
        self._validations_since = 0

    def update(self, validation: float, training: float) -> bool:
        """Return whether the model overfits, given the losses of another validation.

        It does if ``patience`` validations or more brought no better loss than the best, and the
        training loss has decreased by the margin since. Two constant losses are not overfitting.
        """
        if validation < self._best:
            self._best, self._training_at_best = validation, training
            self._validations_since = 0
            return False
        self._validations_since += 1
        decreased = training < self._training_at_best * (1 - self._margin)
        return decreased and self._validations_since >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """Return the losses at the best validation and the number of validations since."""
        # The keys are those of checkpoints.
        return {
            "best": self._best,
            "training_at_best": self._training_at_best,
            "reports_since": self._validations_since,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        self._best, self._training_at_best = state["best"], state["training_at_best"]
        self._validations_since = state["reports_since"]
