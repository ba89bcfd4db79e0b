"""The counters that a trainer saves, and the numbers that processes sum at a step."""

import dataclasses
import math
from typing import NamedTuple


@dataclasses.dataclass(kw_only=True)
class TrainerState:
    """How much has been trained; checkpoints store the fields under these names."""

    step: int = 0
    """Optimizer steps taken."""
    best: float = math.inf
    """Lowest validation loss so far, in bits per character."""
    progress: float = 0.0
    """Fraction of the budget used, 0 to 1."""
    epoch: int = 1
    """The current epoch, from 1."""
    batches: int = 0
    """Minibatches of the current epoch that were read."""
    symbols: int = 0
    """Symbols in these minibatches."""


class StepSums(NamedTuple):
    """Numbers that are summed over all processes at each step, with the gradients."""

    nats: float
    """Summed loss of the minibatch."""
    seconds: float
    """Training time; 0 except in process 0."""
    stop: float
    """Processes that request to stop. This and the next two are 0 or 1 in each process."""
    validation: float
    """Processes that request a validation."""
    hook: float
    """Processes in which the step hook is due."""
