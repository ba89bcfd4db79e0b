"""The loss: cross-entropy in nats, summed over the unpadded positions.

Axes: T time steps, B sequences, H hidden units, N unpadded positions, K dropout masks, V
vocabulary.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional

from charloom.network.autograd.dropout import DropoutMask
from charloom.network.autograd.module import Network, State
from charloom.network.batch import Batch
from charloom.network.dropout import Dropout, row_numbers


@dataclasses.dataclass(frozen=True)
class TensorBatch:
    """A minibatch, or a shard of one, on a device."""

    inputs_TB: Tensor
    targets_TB: Tensor
    mask_TB: Tensor
    labels_B: Tensor
    row_numbers_TB: Tensor
    """The numbers of the positions in the whole minibatch, for dropout."""

    @classmethod
    def from_batch(cls, batch: Batch, device: torch.device) -> TensorBatch:
        """Return a copy of ``batch`` on ``device``."""
        numbers_TB = row_numbers(batch, batch.inputs_TB.shape[1]).reshape(batch.inputs_TB.shape)
        arrays = batch.inputs_TB, batch.targets_TB, batch.mask_TB, batch.labels_B, numbers_TB
        return cls(*(torch.tensor(array, device=device) for array in arrays))


def summed_nats(
    network: Network, batch: TensorBatch, state: State, dropout: Dropout
) -> tuple[Tensor, State]:
    """Return the loss in nats, summed over targets, and the state after the batch.

    Padding is removed before the output layer, so it contributes neither to the loss nor to
    gradients. Under several dropout masks the loss is the mean over them.
    """
    mask = DropoutMask(dropout, batch.row_numbers_TB)
    hidden_TBH, state = network(batch.inputs_TB, state, mask)
    logits_KNV = network.masked_logits(hidden_TBH[batch.mask_TB], mask.select(batch.mask_TB))
    if logits_KNV.dtype == torch.bfloat16:
        logits_KNV = logits_KNV.float()
    targets_N = batch.targets_TB[batch.mask_TB]
    masks = len(logits_KNV)
    nats = functional.cross_entropy(
        logits_KNV.flatten(0, 1), targets_N.repeat(masks), reduction="sum"
    )
    return nats / masks, state
