"""The loss: cross-entropy in nats, summed over the unpadded positions.

Axes: T time steps, B sequences, H hidden units, N unpadded positions, K dropout masks, V
vocabulary.
"""

import torch
from torch import Tensor
from torch.nn import functional

from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch


def summed_nats(
    network: Network, batch: Batch, state: State, generator: torch.Generator | None = None
) -> tuple[Tensor, State]:
    """Return the loss in nats, summed over targets, and the state after the batch.

    The sum is over ``batch.symbols`` targets; divide by that for the mean. Padding is removed
    before the output layer, so it contributes neither to the loss nor to gradients. Under several
    dropout masks the loss is the mean over them. Dropout draws from ``generator``, by default
    torch's global one.
    """
    hidden_TBH, state = network(batch.inputs_TB, state, generator)
    hidden_NH = hidden_TBH[batch.mask_TB]
    logits_KNV = network.masked_logits(hidden_NH, generator)
    if logits_KNV.dtype == torch.bfloat16:
        logits_KNV = logits_KNV.float()
    targets_N = batch.targets_TB[batch.mask_TB]
    masks = len(logits_KNV)
    nats = functional.cross_entropy(
        logits_KNV.flatten(0, 1), targets_N.repeat(masks), reduction="sum"
    )
    return nats / masks, state
