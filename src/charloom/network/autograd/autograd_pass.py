"""The nats of a minibatch and all their gradients by torch, on whatever device it computes.

compiled.py has the same for the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from charloom.network.autograd.loss import summed_nats
from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch


class AutogradPass:
    """A network, as in compiled.py."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def forward(
        self, batch: Batch, state: State, generator: torch.Generator | None = None, *, bf16: bool
    ) -> PassResult:
        """Return what reading a minibatch from a state comes to.

        Dropout, where the network learns, draws from ``chance``, or from torch's own generator. The
        products of matrices are of bfloat16 if they are ``rounded``.
        """
        device = batch.inputs_TB.device.type
        with (
            torch.set_grad_enabled(self._network.training),
            torch.autocast(device, torch.bfloat16, enabled=bf16),
        ):
            nats, after = summed_nats(self._network, batch, state, generator)
        return PassResult(self._network, nats, after.detach())


class PassResult:
    """A network's way through a minibatch, and back."""

    def __init__(self, network: Network, nats: Tensor, after: State) -> None:
        self._network, self._nats = network, nats
        self.nats: float = nats.item()
        """What the targets cost, summed (see loss.py)."""
        self.state = after
        """The state after the last step."""

    def backward(self) -> dict[str, Tensor]:
        """Return the gradients of the nats; once. Those of labels may be missing."""
        named = dict(self._network.named_parameters())
        found: Sequence[Tensor | None] = torch.autograd.grad(
            self._nats, list(named.values()), allow_unused=True
        )
        return {name: g for name, g in zip(named, found, strict=True) if g is not None}
