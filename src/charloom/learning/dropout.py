"""Dropout with several masks at once, for what lies before the output.

Much dropout makes a noisy gradient. The recurrent layers are what a step costs, so the output reads
their states under several masks, and the loss is the mean over these (Inoue, "Multi-Sample Dropout
for Accelerated Training and Better Generalization", 2019). The masks are not independent: one draw
u, uniform in [0, 1), decides of a value under all K masks, and the k-th keeps it where the fraction
of u + k / K is below the share that is kept. Each mask by itself is that of ordinary dropout, and
together they keep every value about equally often: stratified sampling.

Axes: K masks, N values.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from charloom.learning import kernels

NOISE: Final = 0.4
"""About the variance that dropout may give a value, as a multiple of its square."""
MOST_MASKS: Final = 8
WORTH: Final = 0.3
"""What more masks may cost: multiplications, as a share of those of the recurrent layers."""


def masks(share: float, cost: float) -> int:
    """Return how many masks there are when ``share`` of the values are dropped.

    A value that is kept with the chance q, and divided by it, has a variance of (1 - q) / q.
    ``cost`` is what the output multiplies, for each multiplication of the recurrent layers.

    >>> [masks(share, 0.05) for share in (0.0, 0.1, 0.3, 0.5, 0.6, 0.8)]
    [1, 1, 1, 2, 4, 7]
    >>> [masks(0.8, cost) for cost in (0.01, 0.1, 0.2, 20)]
    [8, 4, 2, 1]
    """
    wanted = min(max(round(share / (1 - share) / NOISE), 1), MOST_MASKS)
    return min(wanted, 1 + int(WORTH / cost + 1e-9))


def dropped(
    values: Tensor, share: float, chance: torch.Generator | None = None, count: int = 1
) -> Tensor:
    """Return ``values`` under ``count`` masks, (count, *shape of values).

    Each has a share of the values replaced by zero, and the others divided by the share that is
    kept. What is drawn follows from ``chance``, or from torch's own generator.
    """
    if values.device.type == "cpu" and values.dtype == torch.float32:
        seed = int(torch.randint(2**63 - 1, (), generator=chance))
        result: Tensor = _Dropped.apply(values, share, seed, count)  # type: ignore[no-untyped-call]
        return result
    drawn = torch.empty_like(values, dtype=torch.float32).uniform_(generator=chance)
    kept = [(drawn + k / count) % 1 < 1 - share for k in range(count)]
    return values * torch.stack(kept).to(values.dtype) / (1 - share)


class _Dropped(torch.autograd.Function):
    """kernels.drop and kernels.gather."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, share: float, seed: int, count: int) -> Tensor:
        words = np.random.SFC64(seed).random_raw(-(-values.numel() // 4))
        ctx.drawn_N = words.view(np.uint16)[: values.numel()]
        ctx.kept = min(max(round(kernels.LEVELS * (1 - share)), 1), kernels.LEVELS)
        result_KN = torch.empty(count, values.numel())
        kernels.drop(_flat(values), ctx.drawn_N, ctx.kept, result_KN.numpy())
        return result_KN.view(count, *values.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor, None, None, None]:
        gradient = torch.empty(given.shape[1:])
        given_KN = given.contiguous().view(len(given), -1).numpy()
        kernels.gather(given_KN, ctx.drawn_N, ctx.kept, gradient.view(-1).numpy())
        return gradient, None, None, None


def _flat(values: Tensor) -> Any:
    return values.detach().contiguous().view(-1).numpy()
