"""Large products on several threads."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from charloom.training.threads import Threads

WORTH_SPREADING: Final = 1 << 25
"""Multiplications from which on a product takes longer than to wake a thread."""


def add_product(
    threads: Threads,
    result_MN: Tensor,
    left_MK: Tensor,
    right_KN: Tensor,
    *,
    keep: float,
    scale: float,
) -> Tensor:
    """Return ``keep`` times what ``result_MN`` was plus ``scale`` times a product, in its place.

    Some rows on each thread, if it is large. For use where torch does not differentiate.
    """
    if threads.count == 1 or left_MK.numel() * right_KN.shape[1] < WORTH_SPREADING:
        return result_MN.addmm_(left_MK, right_KN, beta=keep, alpha=scale)

    @torch.no_grad()
    def add(rows: tuple[Tensor, Tensor]) -> None:
        rows[0].addmm_(rows[1], right_KN, beta=keep, alpha=scale)

    pieces = zip(result_MN.chunk(threads.count), left_MK.chunk(threads.count), strict=True)
    threads.spread(add, list(pieces))
    return result_MN
