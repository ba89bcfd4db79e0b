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

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charloom.network.backprop.matmul import Floats
from charloom.network.kernels import backward
from charloom.randomness import splitmix64

TARGET_VARIANCE: Final = 0.4
"""About the variance that dropout may give a value, as a multiple of its square."""
MAX_MASKS: Final = 8
MAX_EXTRA_COST: Final = 0.3
"""What more masks may cost: multiplications, as a share of those of the recurrent layers."""


def mask_count(p: float, cost: float) -> int:
    """Return how many masks there are when ``share`` of the values are dropped.

    A value that is kept with the chance q, and divided by it, has a variance of (1 - q) / q.
    ``cost`` is what the output multiplies, for each multiplication of the recurrent layers.

    >>> [masks(share, 0.05) for share in (0.0, 0.1, 0.3, 0.5, 0.6, 0.8)]
    [1, 1, 1, 2, 4, 7]
    >>> [masks(0.8, cost) for cost in (0.01, 0.1, 0.2, 20)]
    [8, 4, 2, 1]
    """
    wanted = min(max(round(p / (1 - p) / TARGET_VARIANCE), 1), MAX_MASKS)
    return min(wanted, 1 + int(MAX_EXTRA_COST / cost + 1e-9))


def stratified_dropout(
    values: Tensor, p: float, generator: torch.Generator | None = None, masks: int = 1
) -> Tensor:
    """Return ``values`` under ``count`` masks, (count, *shape of values).

    Each has a share of the values replaced by zero, and the others divided by the share that is
    kept. What is drawn follows from ``chance``, or from torch's own generator.
    """
    drawn = torch.empty_like(values, dtype=torch.float32).uniform_(generator=generator)
    kept = [(drawn + k / masks) % 1 < 1 - p for k in range(masks)]
    return values * torch.stack(kept).to(values.dtype) / (1 - p)


def draw_seed(generator: torch.Generator | None) -> int:
    """Draw a seed from ``chance``, or from torch's own generator."""
    return int(torch.randint(2**63 - 1, (), generator=generator))


class DropoutMask:
    """What decides which values of rows are dropped: uniform draws that follow from a seed.

    The draw of a value follows from its place alone, so none has to be kept.
    """

    def __init__(self, p: float, seed: int) -> None:
        self._kept = min(max(round(backward.DROPOUT_LEVELS * (1 - p)), 1), backward.DROPOUT_LEVELS)
        self._keys = splitmix64(np.array([seed], np.uint64)).view(np.uint32)

    def forward(self, values_RH: Floats, rows_N: NDArray[np.int64], result_KNH: Floats) -> None:
        """Write N of the rows of values under K masks."""
        backward.dropout_forward(values_RH, rows_N, self._keys, self._kept, result_KNH)

    def backward(self, given_KNH: Floats, rows_N: NDArray[np.int64], gradient_RH: Floats) -> None:
        """Add what is given as the gradient of the rows under K masks to that of the values."""
        backward.dropout_backward(given_KNH, rows_N, self._keys, self._kept, gradient_RH)


NO_DROPOUT: Final = DropoutMask(0.0, 0)
"""Drops nothing."""
