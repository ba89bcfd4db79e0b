"""Loss and gradients of a minibatch by torch's autograd, on any device.

``backprop.compiled_pass`` computes the same on a CPU.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from charloom.network.autograd.loss import summed_nats
from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch


class AutogradPass:
    """Forward and backward pass of a network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def forward(
        self, batch: Batch, state: State, generator: torch.Generator | None = None, *, bf16: bool
    ) -> PassResult:
        """Return the loss of a minibatch that starts from ``state``.

        In training mode, dropout draws from ``generator``, by default torch's global one. With
        ``bf16`` matrix products are computed in bfloat16, by torch's autocast.
        """
        device = batch.inputs_TB.device.type
        with (
            torch.set_grad_enabled(self._network.training),
            torch.autocast(device, torch.bfloat16, enabled=bf16),
        ):
            loss, state = summed_nats(self._network, batch, state, generator)
        return PassResult(self._network, loss, loss.item(), state.detach())


@dataclasses.dataclass(frozen=True)
class PassResult:
    """The loss of a minibatch and the state after it; call ``backward`` at most once."""

    network: Network
    loss: Tensor
    nats: float
    """The loss, summed over the targets."""
    state: State
    """The state after the last time step, detached."""

    def backward(self) -> dict[str, Tensor]:
        """Return the gradients of the loss by the names of the parameters.

        Parameters that the loss does not depend on, such as unused labels, are missing.
        """
        parameters = dict(self.network.named_parameters())
        grads: Sequence[Tensor | None] = torch.autograd.grad(
            self.loss, list(parameters.values()), allow_unused=True
        )
        pairs = zip(parameters, grads, strict=True)
        return {name: grad for name, grad in pairs if grad is not None}
