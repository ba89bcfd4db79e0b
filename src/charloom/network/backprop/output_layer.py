"""The output layer and its loss over a minibatch: dropout, logits, cross-entropy.

Everything runs on one thread of a CPU.

Axes: M rows of hidden states, H hidden units, V vocabulary, K dropout masks, N unpadded rows,
L = K N.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.matmul import Floats, Matrix, as_matrix
from charloom.network.batch import Ids
from charloom.network.kernels.cross_entropy import cross_entropy
from charloom.network.kernels.gemm_fp32 import empty_padded, padded_rows


@dataclasses.dataclass(slots=True)
class OutputLayer:
    """The output parameters; their values may change between calls."""

    weight_VH: Floats
    bias_V: Floats

    def forward(
        self, hidden_MH: Floats, dropout: DropoutMask, masks: int, targets_N: Ids, *, bf16: bool
    ) -> OutputResult:
        """Return the loss, summed over the targets and averaged over the masks.

        The rows of ``dropout`` are the unpadded ones, to which the targets belong. With ``bf16``
        the factors of matrix products are rounded to bfloat16.
        """
        symbols, hidden = self.weight_VH.shape
        size = masks * len(targets_N)
        dropped_KNH = np.empty((masks, len(targets_N), hidden), np.float32)
        dropout.forward(hidden_MH, dropped_KNH)
        dropped = as_matrix(dropped_KNH.reshape(-1, hidden), bf16=bf16)
        logits_LV = empty_padded(padded_rows(size), symbols)
        dropped.matmul_t(self.weight_VH, self.bias_V, logits_LV)
        grad_LV = logits_LV[:size]
        nats = cross_entropy(grad_LV, targets_N)
        return OutputResult(nats, self, dropout, dropped, grad_LV, hidden_MH.shape, bf16)


@dataclasses.dataclass(slots=True)
class OutputResult:
    """The loss of a minibatch."""

    nats: float
    layer: OutputLayer
    dropout: DropoutMask
    dropped: Matrix
    """The unpadded hidden states under all masks, (L, H)."""
    grad_LV: Floats
    """Gradient of the logits."""
    shape: tuple[int, ...]
    """Shape of the hidden states, (M, H)."""
    bf16: bool

    def backward(self, grads: Mapping[str, Floats], *, through: bool = True) -> Floats | None:
        """Write the gradients of the parameters; return that of the hidden states, (M, H).

        ``grads`` are ``output.weight`` and ``output.bias``. Without ``through``, the gradient of
        the hidden states is not computed, and None is returned.
        """
        grad = as_matrix(self.grad_LV, bf16=self.bf16)
        grad.t_matmul(self.dropped, grads["output.weight"])
        self.grad_LV.sum(0, out=grads["output.bias"])
        if not through:
            return None
        dropped_grad_LH = grad.matmul(self.layer.weight_VH)
        hidden_grad_MH = np.zeros(self.shape, np.float32)
        masked = -1, len(self.dropout.rows_N), self.shape[1]
        self.dropout.backward(dropped_grad_LH.reshape(masked), hidden_grad_MH)
        return hidden_grad_MH
