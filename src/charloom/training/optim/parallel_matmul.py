"""Large matrix products on several threads."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from charloom.training.threads import ThreadPool

MIN_PARALLEL_MULTIPLICATIONS: Final = 1 << 25
"""Multiplications from which a product takes longer than to wake a thread."""


def parallel_addmm_(
    threads: ThreadPool,
    result_MN: Tensor,
    left_MK: Tensor,
    right_KN: Tensor,
    *,
    beta: float,
    alpha: float,
) -> Tensor:
    """Set ``result_MN`` to ``beta * result_MN + alpha * left_MK @ right_KN``.

    Returns ``result_MN``. As torch's ``addmm_``, with some rows on each thread if the product is
    large. Not for use with autograd.
    """
    if threads.count == 1 or left_MK.numel() * right_KN.shape[1] < MIN_PARALLEL_MULTIPLICATIONS:
        return result_MN.addmm_(left_MK, right_KN, beta=beta, alpha=alpha)

    @torch.no_grad()
    def add(rows: tuple[Tensor, Tensor]) -> None:
        rows[0].addmm_(rows[1], right_KN, beta=beta, alpha=alpha)

    chunks = zip(result_MN.chunk(threads.count), left_MK.chunk(threads.count), strict=True)
    threads.map(add, list(chunks))
    return result_MN
