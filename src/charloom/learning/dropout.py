"""Dropout with several masks at once, for what lies before the output.

Much dropout makes a noisy gradient. The recurrent layers are what a step costs, so the output reads
their states under several masks, and the loss is the mean over these (Inoue, "Multi-Sample Dropout
for Accelerated Training and Better Generalization", 2019). The masks are not independent: one draw
u, uniform in [0, 1), decides of a value under all K masks, and the k-th keeps it where the fraction
of u + k / K is below the share that is kept. Each mask by itself is that of ordinary dropout, and
together they keep every value about equally often: stratified sampling.

Axes: K masks, R rows of values, N of these that are used, H values of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
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
        result: Tensor = _Dropped.apply(values, share, seed(chance), count)  # type: ignore[no-untyped-call]
        return result
    drawn = torch.empty_like(values, dtype=torch.float32).uniform_(generator=chance)
    kept = [(drawn + k / count) % 1 < 1 - share for k in range(count)]
    return values * torch.stack(kept).to(values.dtype) / (1 - share)


def seed(chance: torch.Generator | None) -> int:
    """Draw a seed from ``chance``, or from torch's own generator."""
    return int(torch.randint(2**63 - 1, (), generator=chance))


class Draw:
    """What decides which values of N rows are dropped: uniform draws that follow from a seed."""

    def __init__(self, shape: Sequence[int], share: float, seed: int) -> None:
        rows, width = shape
        self._kept = min(max(round(kernels.LEVELS * (1 - share)), 1), kernels.LEVELS)
        size = 0 if self._kept == kernels.LEVELS else rows * width
        words = np.random.SFC64(seed).random_raw(-(-size // 4))
        self._drawn_NH = words.view(np.uint16)[:size].reshape(-1, width)

    def drop(self, values_RH: Tensor, rows_N: NDArray[np.int64], result_KNH: Tensor) -> None:
        """Write N of the rows of values under K masks."""
        drawn_NH, kept = self._drawn_NH, self._kept
        kernels.drop(values_RH.numpy(), rows_N, drawn_NH, kept, result_KNH.numpy())

    def gather(self, given_KNH: Tensor, rows_N: NDArray[np.int64], gradient_RH: Tensor) -> None:
        """Add what is given as the gradient of the rows under K masks to that of the values."""
        drawn_NH, kept = self._drawn_NH, self._kept
        kernels.gather(given_KNH.numpy(), rows_N, drawn_NH, kept, gradient_RH.numpy())


class _Dropped(torch.autograd.Function):
    """kernels.drop and kernels.gather, for all rows."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, share: float, seed: int, count: int) -> Tensor:
        values_RH = values.detach().reshape(-1, values.shape[-1])
        ctx.rows_R, ctx.draw = np.arange(len(values_RH)), Draw(values_RH.shape, share, seed)
        result_KRH = torch.empty(count, *values_RH.shape)
        ctx.draw.drop(values_RH, ctx.rows_R, result_KRH)
        return result_KRH.view(count, *values.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor, None, None, None]:
        gradient_RH = torch.zeros(len(ctx.rows_R), given.shape[-1])
        given_KRH = given.reshape(len(given), *gradient_RH.shape)
        ctx.draw.gather(given_KRH, ctx.rows_R, gradient_RH)
        return gradient_RH.view(given.shape[1:]), None, None, None
