"""Large products on several threads."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from charloom.training.threads import ThreadPool

MIN_PARALLEL_MULTIPLICATIONS: Final = 1 << 25
"""Multiplications from which on a product takes longer than to wake a thread."""


def parallel_addmm_(
    threads: ThreadPool,
    result_MN: Tensor,
    left_MK: Tensor,
    right_KN: Tensor,
    *,
    beta: float,
    alpha: float,
) -> Tensor:
    """Return ``keep`` times what ``result_MN`` was plus ``scale`` times a product, in its place.

    Some rows on each thread, if it is large. For use where torch does not differentiate.
    """
    if threads.count == 1 or left_MK.numel() * right_KN.shape[1] < MIN_PARALLEL_MULTIPLICATIONS:
        return result_MN.addmm_(left_MK, right_KN, beta=beta, alpha=alpha)

    @torch.no_grad()
    def add(rows: tuple[Tensor, Tensor]) -> None:
        rows[0].addmm_(rows[1], right_KN, beta=beta, alpha=alpha)

    pieces = zip(result_MN.chunk(threads.count), left_MK.chunk(threads.count), strict=True)
    threads.map(add, list(pieces))
    return result_MN
