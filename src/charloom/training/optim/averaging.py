"""The average of the weights over the recent steps: what is measured, shown and kept.

Steps jump about the place that they are drawn to; their average lies nearer to it. Polynomial-decay
averaging (Shamir & Zhang, "Stochastic Gradient Descent for Non-smooth Optimization", ICML 2013):
the older a run, the longer the past that counts, about a tenth of all steps so far.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import torch
from torch import nn

DECAY: Final = 9


class WeightAverage:
    """Follows the weights of ``network``, one step after another."""

    def __init__(self, network: nn.Module) -> None:
        self._weights: list[torch.Tensor] = list(network.parameters())
        self._averages = [weight.detach().clone() for weight in self._weights]
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after another step into the average."""
        self._steps += 1
        share = (DECAY + 1) / (self._steps + DECAY)
        torch._foreach_lerp_(self._averages, self._weights, share)

    @contextlib.contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Let the network have the average as its weights; those of the last step come back."""
        last = [weight.detach().clone() for weight in self._weights]
        self._put(self._averages)
        try:
            yield
        finally:
            self._put(last)

    @torch.no_grad()
    def _put(self, values: list[torch.Tensor]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next steps are averaged with."""
        return {"steps": self._steps, "averages": list(self._averages)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        self._steps = state["steps"]
        for average, value in zip(self._averages, state["averages"], strict=True):
            average.copy_(value)
