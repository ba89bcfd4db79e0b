"""The loss: nats summed over real symbols, padding left out entirely.

Axes: T steps, B streams, H hidden units, N real (unpadded) positions, K masks of dropout, V
symbols.
"""

import torch
from torch import Tensor
from torch.nn import functional

from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch


def summed_nats(
    network: Network, batch: Batch, state: State, generator: torch.Generator | None = None
) -> tuple[Tensor, State]:
    """Return the nats that the targets of ``batch`` cost, summed, and the state after it.

    Positions of padding are dropped before the projection, so they weigh neither in the loss nor in
    its gradient, and cost no arithmetic there. The sum is over ``batch.symbols`` symbols, and the
    mean of those under each mask of dropout, which draws from ``chance``, or from torch's own
    generator.
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
