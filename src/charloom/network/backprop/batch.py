"""A minibatch as tensors.

Axes: T time steps, B sequences.
"""

import dataclasses

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Inputs and targets of B sequences for T time steps."""

    inputs_TB: Tensor
    """Symbol ids, int64."""
    targets_TB: Tensor
    """Ids of the next symbols."""
    mask_TB: Tensor
    """False at padding, at the end of a sequence, and at targets that are only read."""
    labels_B: Tensor
    """Label ids, -1 for none; read only if ``starts`` is true."""
    starts: bool
    """Whether the sequences start here. Otherwise they continue the first B sequences of the
    previous batch, from the state after it."""
    symbols: int
    """Targets whose loss counts: true values of the mask."""
    characters: int
    """Characters of the original text in these targets."""

    def shard(self, index: int, count: int) -> "Batch":
        """Return shard ``index`` of ``count``: sequences index, index + count, ...

        ``symbols`` and ``characters`` remain those of the whole batch.
        """
        if count == 1:
            return self
        return dataclasses.replace(
            self,
            inputs_TB=self.inputs_TB[:, index::count].contiguous(),
            targets_TB=self.targets_TB[:, index::count],
            mask_TB=self.mask_TB[:, index::count],
            labels_B=self.labels_B[index::count],
        )

    def to(self, device: torch.device) -> "Batch":
        """Return the batch with all tensors on ``device``."""
        return dataclasses.replace(
            self,
            inputs_TB=self.inputs_TB.to(device),
            targets_TB=self.targets_TB.to(device),
            mask_TB=self.mask_TB.to(device),
            labels_B=self.labels_B.to(device),
        )
