"""What changes while a run goes on: learning rate and dropout, as functions of progress."""

from typing import Final

from charloom.settings import TrainingSettings

# Share of the budget over which the learning rate rises, and with what share of it it begins.
WARM_UP: Final = 0.02
WARM_UP_START: Final = 0.1
FINAL_LEARNING_RATE: Final = 0.2
"""What is left of the learning rate at the end. Smaller steps learn by heart, and do little for the
average of the weights."""
FINAL_DROPOUT: Final = 0.25
"""What is left of dropout at the end: a network that drops less fits the text that it has settled
for, one that drops nothing learns it by heart where it is short."""


def learning_rate(settings: TrainingSettings, progress: float) -> float:
    """Return the learning rate when ``progress`` (0 to 1) of the budget is used.

    ``linear`` rises from a tenth over the first 2 %, and then falls to a fifth; ``constant`` stays.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    rise = WARM_UP_START + (1 - WARM_UP_START) * progress / WARM_UP
    fall = _linear_decay((progress - WARM_UP) / (1 - WARM_UP), FINAL_LEARNING_RATE)
    return settings.learning_rate * min(rise, fall)


def dropout(settings: TrainingSettings, max_dropout: float, progress: float) -> float:
    """Return the share of values to drop when ``progress`` (0 to 1) of the budget is used.

    ``linear`` falls from ``highest`` to a quarter of it; ``constant`` stays.
    """
    return (
        max_dropout
        if settings.schedule == "constant"
        else max_dropout * _linear_decay(progress, FINAL_DROPOUT)
    )


def _linear_decay(progress: float, last: float) -> float:
    """Return what falls from 1 to ``last`` in a straight line."""
    return 1 - (1 - last) * progress
