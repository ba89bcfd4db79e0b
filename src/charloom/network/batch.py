"""A minibatch of ids.

Axes: T time steps, B sequences.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Inputs and targets of B sequences for T time steps."""

    inputs_TB: Ids
    """Symbol ids."""
    targets_TB: Ids
    """Ids of the next symbols."""
    mask_TB: NDArray[np.bool_]
    """False at padding, at the end of a sequence, and at targets that are only read."""
    labels_B: Ids
    """Label ids, -1 for none; read only if ``starts`` is true."""
    starts: bool
    """Whether the sequences start here. Otherwise they continue the first B sequences of the
    previous batch, from the state after it."""
    symbols: int
    """Targets of the whole minibatch whose loss counts."""
    characters: int
    """Characters of the original text in these targets."""
    sequence_numbers: range = range(0)
    """The numbers of these sequences in the minibatch, from 0."""
    minibatch_sequences: int = 0
    """Sequences of the whole minibatch."""

    def __post_init__(self) -> None:
        if not self.minibatch_sequences:  # this is a whole minibatch
            sequences = self.inputs_TB.shape[1]
            object.__setattr__(self, "sequence_numbers", range(sequences))
            object.__setattr__(self, "minibatch_sequences", sequences)

    def shard(self, index: int, count: int) -> Batch:
        """Return shard ``index`` of ``count``: sequences index, index + count, ...

        ``symbols`` and ``characters`` remain those of the whole minibatch.
        """
        if count == 1:
            return self
        return dataclasses.replace(
            self,
            inputs_TB=np.ascontiguousarray(self.inputs_TB[:, index::count]),
            targets_TB=np.ascontiguousarray(self.targets_TB[:, index::count]),
            mask_TB=np.ascontiguousarray(self.mask_TB[:, index::count]),
            labels_B=self.labels_B[index::count],
            sequence_numbers=self.sequence_numbers[index::count],
        )
