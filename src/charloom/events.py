"""Events of a training run, and the listeners that receive them.

    Event
    ├── Step          one optimizer step was taken
    ├── Validation    the validation set was evaluated
    ├── Saved         the model folder holds new best weights
    ├── Sample        a text was generated with the current weights
    └── Stopped       training ended

The trainer emits events; listeners decide what to do with them.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Literal

StopReason = Literal["budget", "interrupted"]

STEP_SECONDS: Final = 0.5
"""Seconds of training between two steps that are shown to people or logged in metrics.jsonl."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """The fields that all events have."""

    name: ClassVar[str]
    step: int
    """Optimizer steps taken so far."""
    seconds: float
    """Seconds since training started, with validations, samples and checkpoints."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as a JSON object, with its name under ``event``."""
        return {"event": self.name} | dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step(Event):
    """One optimizer step was taken."""

    name: ClassVar[str] = "step"
    epoch: int
    """The current pass over the training set, from 1."""
    progress: float
    """Fraction of the budget that is used, 0 to 1."""
    bits_per_character: float
    """Training loss, averaged over recent steps."""
    characters_per_second: float
    """Characters of training text per second, averaged over recent steps."""
    learning_rate: float
    memory_bytes: int
    """Resident memory of the process, measured twice a second."""
    device_memory_bytes: int | None
    """GPU memory that the process holds; None on a CPU."""

    @property
    def seconds_left(self) -> float:
        """Estimated seconds until the budget is used; infinite if nothing is used yet."""
        return self.seconds * (1 / self.progress - 1) if self.progress > 0 else math.inf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Validation(Event):
    """The validation set was evaluated."""

    name: ClassVar[str] = "validation"
    epoch: int
    """The current pass over the training set, from 1."""
    progress: float
    """Fraction of the budget that is used, 0 to 1."""
    bits_per_character: float
    """Validation loss."""
    training_bits_per_character: float | None
    """Training loss, averaged over recent steps. Far below the validation loss, it is a sign of
    overfitting. None before the first step of a run that starts from a model."""
    best: bool
    """Whether these weights are the best so far: those with the lowest validation loss, or with the
    setting ``keep_best`` those of which the checker accepts the most texts."""
    overfitting: bool
    """Whether the training loss has kept falling while the validation loss has not."""
    accepted: float | None = None
    """Fraction of sampled texts that the checker accepts; None without a checker."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample(Event):
    """A text was generated with the current weights."""

    name: ClassVar[str] = "sample"
    prompt: str
    temperature: float
    label: str | None
    text: str
    """The prompt and its continuation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Saved(Event):
    """The model folder holds new best weights."""

    name: ClassVar[str] = "saved"
    bits_per_character: float
    """Validation loss of these weights."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopped(Event):
    """Training ended."""

    name: ClassVar[str] = "stopped"
    reason: StopReason
    bits_per_character: float | None
    """Validation loss of the best weights; None without any validation."""


Listener = Callable[[Event], None]
"""Called with every event of a run."""

EmittingListener = Callable[[Event], Sequence[Event] | None]
"""A listener that may return events, which all listeners get after the current one."""


class Throttle:
    """Admits events that are at least ``min_interval`` seconds apart.

    Events are given in the order of time. The first one is always admitted, unless the time of a
    ``last`` one is given.
    """

    def __init__(self, min_interval: float, last: float = -math.inf) -> None:
        self._min_interval = min_interval
        self.last = last
        """Seconds of the last event that was admitted."""

    def admit(self, seconds: float) -> bool:
        """Return whether the event at ``seconds`` is admitted, and remember it if so."""
        if seconds - self.last < self._min_interval:
            return False
        self.last = seconds
        return True
