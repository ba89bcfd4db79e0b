"""How far a run has come: the stopwatch, the budget, running averages, and signs of overfitting."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from charloom.settings import TrainingSettings

MIN_INTERVAL: Final = 0.05
"""Reports at the ends of short epochs keep this distance, as a share of the budget in minutes."""
STREAM_MIN_INTERVAL: Final = 0.2
"""The same where the validation part is one long text, which is read one symbol after another."""
MAX_INTERVAL: Final = 0.25
"""So long without a report, one comes in the middle of an epoch."""


class Stopwatch:
    """Seconds of training; validation and sampling are not counted."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._passed = 0.0
        self._since: float | None = None

    def start(self) -> None:
        """Go on counting."""
        if self._since is None:
            self._since = self._clock()

    def pause(self) -> None:
        """Stand still until the next start."""
        self._passed = self.seconds
        self._since = None

    @property
    def seconds(self) -> float:
        """Seconds counted so far."""
        return self._passed + (0.0 if self._since is None else self._clock() - self._since)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Stand still at the time that ``state`` returned."""
        self._passed, self._since = state["seconds"], None


class RunningMean:
    """A running ratio of sums in which older values fade: each addition keeps 98 % of the past."""

    def __init__(self, decay: float = 0.98) -> None:
        self._keep = decay
        self._value = 0.0
        self._weight = 0.0

    def update(self, value: float, weight: float) -> None:
        """Add ``value``, a sum over ``weight`` units."""
        self._value = self._keep * self._value + value
        self._weight = self._keep * self._weight + weight

    @property
    def value(self) -> float:
        """The average of one unit; NaN before the first addition."""
        return self._value / self._weight if self._weight else math.nan

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"value": self._value, "weight": self._weight}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state`` returned."""
        self._value, self._weight = state["value"], state["weight"]


class ValidationSchedule:
    """The budget, and when a report (validation and samples) is due.

    Reports come at the end of every epoch and every ``sample_every`` seconds. With a budget of
    minutes, epoch ends that follow a report by less than the share ``gap`` of it are passed over,
    and a quarter of it without a report brings one.
    """

    def __init__(self, settings: TrainingSettings, min_interval: float = MIN_INTERVAL) -> None:
        self._minutes = settings.minutes
        self._epochs = settings.epochs
        self._steps = settings.steps
        self._every = settings.sample_every
        self._gap = min_interval
        self._last = 0.0
        self.last_step: int | None = None

    def progress(self, step: int, epochs: float, seconds: float) -> float:
        """Return the share of the budget used, 0 to 1."""
        if self._minutes is not None:
            used = seconds / (60 * self._minutes)
        elif self._epochs is not None:
            used = epochs / self._epochs
        else:
            used = step / (self._steps or 1)
        return min(used, 1.0)

    def due(self, seconds: float) -> bool:
        """Return whether a report is due in the middle of an epoch."""
        since = seconds - self._last
        if self._every is not None and since >= self._every:
            return True
        return self._minutes is not None and since >= MAX_INTERVAL * 60 * self._minutes

    def due_at_epoch_end(self, step: int, seconds: float) -> bool:
        """Return whether a report is due at the end of an epoch."""
        gap = 0.0 if self._minutes is None else self._gap * 60 * self._minutes
        return self.last_step != step and seconds - self._last >= gap

    def record(self, step: int, seconds: float) -> None:
        """Remember that a report was made."""
        self.last_step = step
        self._last = seconds

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"step": self.last_step, "seconds": self._last}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state`` returned."""
        self.last_step, self._last = state["step"], state["seconds"]


class OverfittingDetector:
    """Notices that the training loss falls on while the validation figure does not."""

    def __init__(self, patience: int = 3, margin: float = 0.02) -> None:
        self._patience = patience
        self._margin = margin
        self._best = math.inf
        self._training_at_best = math.inf
        self._reports_since = 0

    def update(self, validation: float, training: float) -> bool:
        """Return whether no figure since the best, ``patience`` or more, was better.

        And since then the training loss must have fallen by the margin, a share of what it was:
        both standing still is no sign of learning by heart. Both are in bits per character.
        """
        if validation < self._best:
            self._best, self._training_at_best = validation, training
            self._reports_since = 0
            return False
        self._reports_since += 1
        fallen = training < self._training_at_best * (1 - self._margin)
        return fallen and self._reports_since >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {
            "best": self._best,
            "training_at_best": self._training_at_best,
            "reports_since": self._reports_since,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state`` returned."""
        self._best, self._training_at_best = state["best"], state["training_at_best"]
        self._reports_since = state["reports_since"]
