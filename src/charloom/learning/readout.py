"""From hidden states to nats as one compiled function: dropout, output layer, softmax.

The same as torch's operations one after another (loss.py), for float32 on one thread of the CPU.
Each of those takes the interpreter for a moment, and threads that compute side by side wait for it.

Axes: T steps, B streams, R = T B, H hidden units, V symbols, K masks of dropout, N positions that
count, M = K N.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from charloom.learning import kernels
from charloom.learning.dropout import Draw


def nats(
    hidden_TBH: Tensor,
    targets_TB: Tensor,
    mask_TB: Tensor,
    weight_VH: Tensor,
    bias_V: Tensor,
    *,
    share: float,
    count: int,
    seed: int,
) -> Tensor:
    """Return the summed nats of the targets where the mask is true, in float64.

    It is the mean under ``count`` masks of dropout, which drop a ``share`` of the hidden states and
    follow from ``seed``. A graph is good for one backward pass.
    """
    result: Tensor = _Nats.apply(  # type: ignore[no-untyped-call]
        hidden_TBH, weight_VH, bias_V, targets_TB, mask_TB, share, count, seed
    )
    return result


class _Nats(torch.autograd.Function):
    """kernels.drop, the product with the weights, kernels.cross_entropy."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_TBH: Tensor,
        weight_VH: Tensor,
        bias_V: Tensor,
        targets_TB: Tensor,
        mask_TB: Tensor,
        share: float,
        count: int,
        seed: int,
    ) -> Tensor:
        units = hidden_TBH.shape[2]
        rows_N = np.flatnonzero(mask_TB.numpy())
        draw = Draw((len(rows_N), units), share, seed)
        read_KNH = torch.empty(count, len(rows_N), units)
        draw.drop(hidden_TBH.detach().reshape(-1, units), rows_N, read_KNH)
        read_MH = read_KNH.view(-1, units)
        logits_MV = torch.addmm(bias_V.detach(), read_MH, weight_VH.detach().t())
        targets_N = targets_TB.numpy().reshape(-1)[rows_N]
        total = kernels.cross_entropy(logits_MV.numpy(), targets_N)
        ctx.save_for_backward(weight_VH)
        ctx.kept = (hidden_TBH.shape, rows_N, draw, read_KNH, logits_MV)
        return torch.tensor(total, dtype=torch.float64)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        (weight_VH,) = ctx.saved_tensors
        if ctx.kept is None:
            raise RuntimeError("the graph of a compiled loss is good for one backward pass")
        shape, rows_N, draw, read_KNH, gradient_MV = ctx.kept
        ctx.kept = None  # what was kept is about to be changed
        gradient_MV.mul_(given)
        units = read_KNH.shape[2]
        weight_grad_VH = gradient_MV.t() @ read_KNH.view(-1, units)
        bias_grad_V = gradient_MV.sum(0)
        read_grad_MH = torch.mm(gradient_MV, weight_VH, out=read_KNH.view(-1, units))
        hidden_grad_TBH = torch.zeros(shape)
        draw.gather(read_grad_MH.view_as(read_KNH), rows_N, hidden_grad_TBH.view(-1, units))
        return hidden_grad_TBH, weight_grad_VH, bias_grad_V, None, None, None, None, None
