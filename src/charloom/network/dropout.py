"""Dropout, with several masks at once before the output layer.

Much dropout makes the gradient noisy, and most of a step's cost is in the recurrent layers. The
output layer therefore reads their states under several masks, and the loss is the mean over them
(Inoue, "Multi-Sample Dropout for Accelerated Training and Better Generalization", 2019). The masks
are stratified: one random u, uniform in [0, 1), decides about a value under all K masks, and mask k
keeps it if the fraction of u + k / K is below the probability of keeping it. Each mask alone is
ordinary dropout; together they keep every value about equally often.

u has 16 bits. It is a hash of the seed of the step, the layer and the position of the value in the
minibatch: time step, sequence and unit. So masks need not be stored for the backward pass, and do
not depend on how a minibatch is divided among threads and processes.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import NDArray

from charloom.network.batch import Batch, Ids
from charloom.network.reference import GATE_COUNTS
from charloom.randomness import random_key
from charloom.settings import NetworkSettings

LEVELS: Final = 1 << 16
"""Number of equally likely values of u."""
TARGET_VARIANCE: Final = 0.4
"""Variance that dropout may add to a value under all masks, as a multiple of its square."""
MAX_MASKS: Final = 8
MAX_EXTRA_COST: Final = 0.3
"""Multiplications that more masks may cost, as a fraction of the recurrent layers'."""


@dataclasses.dataclass(frozen=True)
class Dropout:
    """The dropout of one minibatch, by default none."""

    p: float = 0.0
    """Probability that a value is dropped."""
    seed: int = 0
    """Unsigned, 64 bits; another one for each minibatch."""

    @property
    def kept_levels(self) -> int:
        """The number of values of u, out of ``LEVELS``, with which a value is kept."""
        return min(max(round(LEVELS * (1 - self.p)), 1), LEVELS)

    def keys(self, depth: int) -> NDArray[np.uint32]:
        """Return the two keys of the hash for the input of the layer at ``depth``.

        The output layer's depth is the number of recurrent layers.
        """
        return np.array([random_key(self.seed, depth)], np.uint64).view(np.uint32)


NO_DROPOUT: Final = Dropout()


def row_numbers(batch: Batch, row_length: int) -> Ids:
    """Return the number of each row in the whole minibatch.

    It is the time step times the sequences of the minibatch, plus the sequence. The rows are T
    times ``row_length`` sequences of this shard, padding sequences included; those have the number
    of the shard's first sequence.
    """
    numbers = batch.sequence_numbers
    sequences = np.full(row_length, numbers[0] if numbers else 0)
    sequences[: len(numbers)] = numbers
    steps = np.arange(len(batch.inputs_TB)) * batch.minibatch_sequences
    numbers_M: Ids = (steps[:, None] + sequences).reshape(-1)
    return numbers_M


def output_masks(settings: NetworkSettings, vocabulary_size: int, dropout: Dropout) -> int:
    """Return the number of masks before the output layer."""
    if dropout.p == 0:
        return 1
    # Multiplications of the output layer for each one of the recurrent layers.
    recurrent = GATE_COUNTS[settings.cell] * settings.hidden * (2 * settings.layers - 1)
    return mask_count(dropout.p, vocabulary_size / recurrent)


def mask_count(p: float, cost: float) -> int:
    """Return the number of masks for dropout with probability ``p``.

    A value that is kept with probability q, and divided by q, has a variance of (1 - q) / q times
    its square. ``cost`` is the output layer's multiplications, as a fraction of the recurrent
    layers'.

    >>> [mask_count(p, 0.05) for p in (0.0, 0.1, 0.3, 0.5, 0.6, 0.8)]
    [1, 1, 1, 2, 4, 7]
    >>> [mask_count(0.8, cost) for cost in (0.01, 0.1, 0.2, 20)]
    [8, 4, 2, 1]
    """
    wanted = min(max(round(p / (1 - p) / TARGET_VARIANCE), 1), MAX_MASKS)
    return min(wanted, 1 + int(MAX_EXTRA_COST / cost + 1e-9))
