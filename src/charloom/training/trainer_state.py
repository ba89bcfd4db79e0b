"""The counters that a trainer saves, and the numbers that processes sum at a step."""

import dataclasses
import math
from typing import NamedTuple

from charloom.settings import KeepBest


@dataclasses.dataclass(kw_only=True)
class TrainerState:
    """How much has been trained; checkpoints store the fields under these names."""

    step: int = 0
    """Optimizer steps taken."""
    best: float = math.inf
    """Validation loss of the best weights so far, in bits per character."""
    best_accepted: float = -math.inf
    """Fraction of the texts of these weights that the checker accepts."""
    progress: float = 0.0
    """Fraction of the budget used, 0 to 1."""
    epoch: int = 1
    """The current epoch, from 1."""
    batches: int = 0
    """Minibatches of the current epoch that were read."""
    symbols: int = 0
    """Symbols in these minibatches."""

    def keep(self, loss: float, accepted: float | None, criterion: KeepBest) -> bool:
        """Return whether weights are the best so far, and record it if they are.

        ``accepted`` is the fraction of their texts that a checker accepts, if there is one.
        """
        is_best = loss < self.best
        if criterion == "accepted" and accepted is not None:
            is_best = (accepted, -loss) > (self.best_accepted, -self.best)
        if is_best:
            self.best = loss
            self.best_accepted = self.best_accepted if accepted is None else accepted
        return is_best


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
