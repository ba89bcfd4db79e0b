"""What happens while a network learns, as typed records; listeners decide what to do with them."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal

StopReason = Literal["budget", "interrupted"]

STEP_SECONDS: Final = 0.5
"""Seconds of training between two steps that are told of: to people, and in metrics.jsonl."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """What all events tell: when they happened."""

    name: ClassVar[str]
    step: int
    """Optimizer steps taken so far."""
    seconds: float
    """Seconds of training so far; validation and sampling are not counted."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as a JSON object; its kind is under ``event``."""
        return {"event": self.name} | dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step(Event):
    """One optimizer step was taken."""

    name: ClassVar[str] = "step"
    epoch: int
    """The pass over the training part, from 1."""
    progress: float
    """Share of the budget that is used, 0 to 1."""
    bits_per_character: float
    """Training loss, an average over the recent steps."""
    characters_per_second: float
    """Characters of the training text a second, an average over the recent steps."""
    learning_rate: float
    memory_bytes: int
    """Memory that the process holds (its resident set), measured twice a second."""
    device_memory_bytes: int | None
    """Memory of the GPU that the process holds; None: it learns on the CPU."""

    @property
    def seconds_left(self) -> float:
        """Seconds until the budget is used, if the rest goes like what is behind; or infinity."""
        return self.seconds * (1 / self.progress - 1) if self.progress > 0 else math.inf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Validation(Event):
    """The validation part was read."""

    name: ClassVar[str] = "validation"
    epoch: int
    progress: float
    """Share of the budget that is used, 0 to 1."""
    bits_per_character: float
    training_bits_per_character: float
    """Training loss, an average over the recent steps: far below the validation figure means that
    the network learns the text by heart."""
    best: bool
    """Whether this is the lowest validation figure so far."""
    overfitting: bool
    """Whether the training loss has been falling on while the validation figure has not."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample(Event):
    """A text that the network wrote while it was learning."""

    name: ClassVar[str] = "sample"
    prompt: str
    temperature: float
    label: str | None
    text: str
    """The prompt and what the network added."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Saved(Event):
    """The model folder holds the best weights so far."""

    name: ClassVar[str] = "saved"
    bits_per_character: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopped(Event):
    """Training ended."""

    name: ClassVar[str] = "stopped"
    reason: StopReason
    bits_per_character: float | None
    """The best validation figure, that of the weights which were kept; None: never measured."""


Listener = Callable[[Event], None]


class Throttle:
    """Chooses from many events, in the order of time, some that are ``length`` seconds apart.

    The first is among them, unless the seconds of one ``before`` it are given.
    """

    def __init__(self, min_interval: float, last: float = -math.inf) -> None:
        self._min_interval = min_interval
        self.last = last
        """The seconds of the last one that was chosen."""

    def admit(self, seconds: float) -> bool:
        """Return whether the event at ``seconds`` is one of them."""
        if seconds - self.last < self._min_interval:
            return False
        self.last = seconds
        return True
