"""The average of the weights over recent steps, which is validated and saved.

Single steps fluctuate around a minimum; their average is closer to it. Polynomial-decay averaging
(Shamir & Zhang, "Stochastic Gradient Descent for Non-smooth Optimization", ICML 2013,
https://arxiv.org/abs/1212.1824) averages over about the last tenth of all steps so far.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import torch
from torch import nn

DECAY: Final = 9
"""The exponent: of n steps, step t has a weight of about (t / n) ** DECAY."""


class WeightAverage:
    """The average of the weights of ``network``, updated after each step."""

    def __init__(self, network: nn.Module) -> None:
        self._weights: list[torch.Tensor] = list(network.parameters())
        self._averages = [weight.detach().clone() for weight in self._weights]
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights after another step."""
        self._steps += 1
        fraction = (DECAY + 1) / (self._steps + DECAY)
        torch._foreach_lerp_(self._averages, self._weights, fraction)

    @contextlib.contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Give the network the average as its weights within a context."""
        last = [weight.detach().clone() for weight in self._weights]
        self._copy_to_network(self._averages)
        try:
            yield
        finally:
            self._copy_to_network(last)

    @torch.no_grad()
    def _copy_to_network(self, values: list[torch.Tensor]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """Return the average and the number of steps in it."""
        return {"steps": self._steps, "averages": list(self._averages)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        self._steps = state["steps"]
        for average, value in zip(self._averages, state["averages"], strict=True):
            average.copy_(value)
