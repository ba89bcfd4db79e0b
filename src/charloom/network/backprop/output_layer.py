"""The output layer and its loss over a minibatch: dropout, logits, cross-entropy.

Everything runs on one thread of a CPU.

Axes: M rows of hidden states, H hidden units, V vocabulary, K dropout masks, N unpadded rows,
L = K N.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.matmul import Floats, Matrix, as_matrix
from charloom.network.kernels.backward import sum_rows
from charloom.network.kernels.cross_entropy import cross_entropy
from charloom.network.kernels.gemm_fp32 import empty_padded, padded_rows


class Targets(NamedTuple):
    """The unpadded rows of a minibatch and their target ids."""

    rows_N: NDArray[np.int64]
    ids_N: NDArray[np.int64]


class OutputGrads(NamedTuple):
    """Gradients of the output layer's parameters."""

    weight_VH: Floats
    bias_V: Floats


@dataclasses.dataclass(slots=True)
class OutputLayer:
    """The output parameters; their values may change between calls."""

    weight_VH: Floats
    bias_V: Floats

    def forward(
        self, hidden_MH: Floats, targets: Targets, dropout: DropoutMask, masks: int, *, bf16: bool
    ) -> OutputResult:
        """Return the loss, summed over the targets and averaged over the masks.

        With ``bf16`` the factors of matrix products are rounded to bfloat16.
        """
        symbols, hidden = self.weight_VH.shape
        dropped_KNH = np.empty((masks, len(targets.rows_N), hidden), np.float32)
        dropout.forward(hidden_MH, targets.rows_N, dropped_KNH)
        dropped = as_matrix(dropped_KNH.reshape(-1, hidden), bf16=bf16)
        size = masks * len(targets.rows_N)
        logits_LV = empty_padded(padded_rows(size), symbols)
        dropped.matmul_t(self.weight_VH, self.bias_V, logits_LV)
        grad_LV = logits_LV[:size]
        nats: float = cross_entropy(grad_LV, targets.ids_N)
        return OutputResult(nats, self, targets, dropout, dropped, grad_LV, hidden_MH.shape, bf16)


@dataclasses.dataclass(slots=True)
class OutputResult:
    """The loss of a minibatch."""

    nats: float
    layer: OutputLayer
    targets: Targets
    dropout: DropoutMask
    dropped: Matrix
    """The unpadded hidden states under all masks, (L, H)."""
    grad_LV: Floats
    """Gradient of the logits."""
    shape: tuple[int, ...]
    """Shape of the hidden states, (M, H)."""
    bf16: bool

    def backward(self) -> tuple[OutputGrads, Floats]:
        """Return the gradients of the parameters and of the hidden states, (M, H)."""
        grad = as_matrix(self.grad_LV, bf16=self.bf16)
        rows_N = self.targets.rows_N
        dropped_grad_LH = grad.matmul(self.layer.weight_VH)
        hidden_grad_MH = np.zeros(self.shape, np.float32)
        dropped_grad_KNH = dropped_grad_LH.reshape(-1, len(rows_N), self.shape[1])
        self.dropout.backward(dropped_grad_KNH, rows_N, hidden_grad_MH)
        parameter_grads = OutputGrads(
            weight_VH=grad.t_matmul(self.dropped), bias_V=sum_rows(self.grad_LV)
        )
        return parameter_grads, hidden_grad_MH
