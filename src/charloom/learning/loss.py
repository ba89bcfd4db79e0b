"""The loss: nats summed over real symbols, padding left out entirely.

Axes: T steps, B streams, H hidden units, N real (unpadded) positions.
"""

import torch
from torch import Tensor
from torch.nn import functional

from charloom.learning.batches import Batch
from charloom.learning.network import Network, State


def summed_nats(
    network: Network, batch: Batch, state: State, chance: torch.Generator | None = None
) -> tuple[Tensor, State]:
    """Return the nats that the targets of ``batch`` cost, summed, and the state after it.

    Positions of padding are dropped before the projection, so they weigh neither in the loss nor in
    its gradient, and cost no arithmetic there. The sum is over ``batch.symbols`` symbols. Dropout
    draws from ``chance``, or from torch's own generator.
    """
    hidden_TBH, state = network(batch.inputs_TB, state, chance)
    hidden_NH = hidden_TBH[batch.mask_TB]
    logits_NV = network.logits(hidden_NH)
    if logits_NV.dtype == torch.bfloat16:
        logits_NV = logits_NV.float()
    targets_N = batch.targets_TB[batch.mask_TB]
    return functional.cross_entropy(logits_NV, targets_N, reduction="sum"), state
