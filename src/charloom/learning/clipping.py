"""Gradients that are too long are made shorter."""

from collections.abc import Iterable

import torch
from torch import Tensor


def clip(parameters: Iterable[Tensor], longest: float) -> float:
    """Return the norm of all gradients together; shorten them to ``longest`` if it is above."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return 0.0
    norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
    if norm > longest:
        torch._foreach_mul_(gradients, longest / norm)
    return norm
