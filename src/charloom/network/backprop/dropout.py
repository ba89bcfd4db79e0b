"""Dropout, with several masks at once before the output layer.

Much dropout makes the gradient noisy, and most of a step's cost is in the recurrent layers. The
output layer therefore reads their states under several masks, and the loss is the mean over them
(Inoue, "Multi-Sample Dropout for Accelerated Training and Better Generalization", 2019). The masks
are stratified: one u, uniform in [0, 1), decides about a value under all K masks, and mask k keeps
it if the fraction of u + k / K is below the probability of keeping it. Each mask alone is ordinary
dropout; together they keep every value about equally often.

Axes: K masks, R rows of values, N of these that are read, H values of a row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charloom.network.backprop.matmul import Floats
from charloom.network.kernels.dropout import DROPOUT_LEVELS, dropout_backward, dropout_forward
from charloom.randomness import splitmix64

TARGET_VARIANCE: Final = 0.4
"""Variance that dropout may add to a value under all masks, as a multiple of its square."""
MAX_MASKS: Final = 8
MAX_EXTRA_COST: Final = 0.3
"""Multiplications that more masks may cost, as a fraction of the recurrent layers'."""


def mask_count(p: float, cost: float) -> int:
    """Return the number of masks for dropout with probability ``p``.

    A value that is kept with probability q, and divided by q, has a variance of (1 - q) / q times
    its square. ``cost`` is the output layer's multiplications, as a fraction of the recurrent
    layers'.

    >>> [mask_count(p, 0.05) for p in (0.0, 0.1, 0.3, 0.5, 0.6, 0.8)]
    [1, 1, 1, 2, 4, 7]
    >>> [mask_count(0.8, cost) for cost in (0.01, 0.1, 0.2, 20)]
    [8, 4, 2, 1]
    """
    wanted = min(max(round(p / (1 - p) / TARGET_VARIANCE), 1), MAX_MASKS)
    return min(wanted, 1 + int(MAX_EXTRA_COST / cost + 1e-9))


def torch_dropout(
    values: Tensor, p: float, generator: torch.Generator | None = None, masks: int = 1
) -> Tensor:
    """Return ``values`` under stratified masks, (masks, *shape of values).

    A value is replaced by zero with probability ``p``, else divided by 1 - ``p``. Random numbers
    are drawn from ``generator``, by default torch's global one.
    """
    uniform = torch.empty_like(values, dtype=torch.float32).uniform_(generator=generator)
    kept = [(uniform + k / masks) % 1 < 1 - p for k in range(masks)]
    return values * torch.stack(kept).to(values.dtype) / (1 - p)


def draw_seed(generator: torch.Generator | None) -> int:
    """Draw a 63-bit seed from ``generator``, by default torch's global one."""
    return int(torch.randint(2**63 - 1, (), generator=generator))


class DropoutMask:
    """Stratified masks that follow from a seed.

    The random number of a value is a hash of its position, so masks need not be stored for the
    backward pass.
    """

    def __init__(self, p: float, seed: int) -> None:
        self._kept = min(max(round(DROPOUT_LEVELS * (1 - p)), 1), DROPOUT_LEVELS)
        self._keys = splitmix64(np.array([seed], np.uint64)).view(np.uint32)

    def forward(self, values_RH: Floats, rows_N: NDArray[np.int64], result_KNH: Floats) -> None:
        """Write N of the rows under K masks to ``result_KNH``."""
        numbers_N = np.arange(len(rows_N))
        dropout_forward(values_RH, rows_N, numbers_N, self._keys, self._kept, result_KNH)

    def backward(self, grad_KNH: Floats, rows_N: NDArray[np.int64], gradient_RH: Floats) -> None:
        """Add the values' gradient to ``gradient_RH``, given that of the masked rows."""
        numbers_N = np.arange(len(rows_N))
        dropout_backward(grad_KNH, rows_N, numbers_N, self._keys, self._kept, gradient_RH)


NO_DROPOUT: Final = DropoutMask(0.0, 0)
"""A mask that keeps all values."""
