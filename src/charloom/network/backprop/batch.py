"""A minibatch as arrays.

Axes: T steps, B streams.
"""

import dataclasses

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """T steps of B streams; ``mask_TB`` is false where a stream is padded."""

    inputs_TB: Tensor
    targets_TB: Tensor
    mask_TB: Tensor
    labels_B: Tensor
    """Label ids, -1 for none; they matter where ``starts`` is true."""
    starts: bool
    """Whether the streams start here; otherwise they go on from the state after the last batch, of
    which the first B streams remain."""
    symbols: int
    """Targets that count: the true values of the mask."""
    characters: int
    """Characters of the original text that these targets stand for."""

    def shard(self, index: int, count: int) -> "Batch":
        """Return every ``step``-th stream from ``first`` on; the counts stay those of the batch."""
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
        """Return the batch on ``device``."""
        return dataclasses.replace(
            self,
            inputs_TB=self.inputs_TB.to(device),
            targets_TB=self.targets_TB.to(device),
            mask_TB=self.mask_TB.to(device),
            labels_B=self.labels_B.to(device),
        )
