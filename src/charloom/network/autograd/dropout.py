"""The dropout masks of ``network.dropout`` by torch operations.

Axes: N rows in any number of axes, H values of a row, K masks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from charloom.network.dropout import LEVELS, Dropout

_WORD = 0xFFFFFFFF


class DropoutMask:
    """Masks of some rows, of which ``numbers_N`` are the numbers in the minibatch."""

    def __init__(self, dropout: Dropout, numbers_N: Tensor) -> None:
        self.dropout = dropout
        self.numbers_N = numbers_N

    def select(self, chosen: Tensor) -> DropoutMask:
        """Return the masks of the rows for which ``chosen`` is true."""
        return DropoutMask(self.dropout, self.numbers_N[chosen])

    def apply(self, values_NH: Tensor, depth: int, masks: int = 1) -> Tensor:
        """Return the input of the layer at ``depth`` under ``masks`` masks, (K, *N, H)."""
        kept = self.dropout.kept_levels
        if kept == LEVELS:
            return values_NH.unsqueeze(0)
        u_NH = self._random_bits(values_NH.shape[-1], depth)
        shifts = range(0, LEVELS * masks, LEVELS)
        keep_KNH = torch.stack([(u_NH + shift // masks) % LEVELS < kept for shift in shifts])
        return values_NH * keep_KNH.to(values_NH.dtype) * (LEVELS / kept)

    def _random_bits(self, width: int, depth: int) -> Tensor:
        """Return 16 random bits of each value, the hash of ``kernels.dropout``."""
        first, second = (int(key) for key in self.dropout.keys(depth))
        units_H = torch.arange(width, device=self.numbers_N.device)
        # int64 holds products of 32-bit words modulo 2**64, of which the lower word is right.
        x = (self.numbers_N.unsqueeze(-1) * width + units_H) & _WORD ^ first
        x = ((x ^ (x >> 16)) * 0x7FEB352D) & _WORD
        x = ((x ^ (x >> 15) ^ second) * 0x846CA68B) & _WORD
        return x >> 16


NO_DROPOUT = DropoutMask(Dropout(), torch.zeros(0, dtype=torch.int64))
"""Masks that keep all values."""
