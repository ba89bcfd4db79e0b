"""Learning rate and dropout as functions of the fraction of the budget used."""

from typing import Final

from charloom.settings import TrainingSettings

WARM_UP: Final = 0.02
"""Fraction of the budget over which the learning rate increases."""
WARM_UP_START: Final = 0.1
"""First learning rate, as a fraction of the highest."""
FINAL_LEARNING_RATE: Final = 0.2
"""Last learning rate, as a fraction of the highest. Smaller steps overfit short texts, and hardly
improve the average of the weights."""
FINAL_DROPOUT: Final = 0.25
"""Last dropout, as a fraction of the highest. Less dropout at the end fits the text better, but
none overfits short texts."""


def learning_rate(settings: TrainingSettings, progress: float) -> float:
    """Return the learning rate at ``progress``, 0 to 1.

    ``linear`` increases to the highest during the warm-up, and decreases from there to the end.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    rise = WARM_UP_START + (1 - WARM_UP_START) * progress / WARM_UP
    fall = _linear_decay((progress - WARM_UP) / (1 - WARM_UP), FINAL_LEARNING_RATE)
    return settings.learning_rate * min(rise, fall)


def dropout(settings: TrainingSettings, max_dropout: float, progress: float) -> float:
    """Return the dropout probability at ``progress``, 0 to 1.

    ``linear`` decreases from ``max_dropout`` to the end.
    """
    if settings.schedule == "constant":
        return max_dropout
    return max_dropout * _linear_decay(progress, FINAL_DROPOUT)


def _linear_decay(progress: float, last: float) -> float:
    return 1 - (1 - last) * progress
