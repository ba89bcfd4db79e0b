"""Loss and gradients of a minibatch by torch's autograd, on any device.

``backprop.compiled_pass`` computes the same on a CPU.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from charloom.network.autograd.loss import TensorBatch, summed_nats
from charloom.network.autograd.module import Network, State
from charloom.network.dropout import Dropout


class AutogradPass:
    """Forward and backward pass of a network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def forward(
        self, batch: TensorBatch, state: State, dropout: Dropout, *, bf16: bool, training: bool
    ) -> PassResult:
        """Return the loss of a minibatch that starts from ``state``.

        With ``bf16`` matrix products are computed in bfloat16, by torch's autocast. Only in
        ``training`` the result has gradients.
        """
        self._network.train(training)
        device = batch.inputs_TB.device.type
        with (
            torch.set_grad_enabled(training),
            torch.autocast(device, torch.bfloat16, enabled=bf16),
        ):
            loss, state = summed_nats(self._network, batch, state, dropout)
        return PassResult(loss, loss.item(), state.detach())


@dataclasses.dataclass(frozen=True)
class PassResult:
    """The loss of a minibatch and the state after it; call ``backward`` at most once."""

    loss: Tensor
    nats: float
    """The loss, summed over the targets."""
    state: State
    """The state after the last time step, detached."""

    def backward(self) -> None:
        """Add the gradients of the loss to the ``grad`` of the network's parameters.

        Parameters that the loss does not depend on, such as unused labels, get none.
        """
        self.loss.backward()
