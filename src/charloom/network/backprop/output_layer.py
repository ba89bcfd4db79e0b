"""From hidden states to nats, and back: dropout, output layer, softmax; on one thread of the CPU.

Axes: M rows of hidden states, H hidden units, V symbols, K masks of dropout, N rows that count,
L = K N.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.matmul import Floats, as_matrix
from charloom.network.kernels import backward
from charloom.network.kernels.gemm_fp32 import empty_padded, padded_rows


class OutputLayer:
    """The nats of targets under the masks of a draw."""

    def __init__(
        self,
        weight_VH: Floats,
        bias_V: Floats,
        *,
        rows_N: NDArray[np.int64],
        targets_N: NDArray[np.int64],
        dropout: DropoutMask,
        masks: int,
        bf16: bool,
    ) -> None:
        self._weight_VH, self._bias_V = weight_VH, bias_V
        self._rows_N, self._targets_N = rows_N, targets_N
        self._dropout, self._masks = dropout, masks
        self._bf16 = bf16

    def forward(self, hidden_MH: Floats) -> float:
        """Return the summed nats, the mean under all masks."""
        symbols, units = self._weight_VH.shape
        read_KNH = np.empty((self._masks, len(self._rows_N), units), np.float32)
        self._dropout.forward(hidden_MH, self._rows_N, read_KNH)
        self._read = as_matrix(read_KNH.reshape(-1, units), bf16=self._bf16)
        size = self._masks * len(self._rows_N)
        logits_LV = empty_padded(padded_rows(size), symbols)
        self._read.matmul_t(self._weight_VH, self._bias_V, logits_LV)
        self._gradient_LV = logits_LV[:size]
        nats: float = backward.cross_entropy(self._gradient_LV, self._targets_N)
        return nats

    def backward(self, rows: int) -> tuple[Floats, Floats, Floats]:
        """Return the gradients of the nats: by all hidden states, (M, H), the weight, the biases.

        After ``nats``, and once: some take the place of others.
        """
        gradient_LV = self._gradient_LV
        gradient = as_matrix(gradient_LV, bf16=self._bf16)
        units = self._weight_VH.shape[1]
        read_grad_KNH = gradient.matmul(self._weight_VH).reshape(self._masks, -1, units)
        hidden_grad_MH = np.zeros((rows, units), np.float32)
        self._dropout.backward(read_grad_KNH, self._rows_N, hidden_grad_MH)
        return (
            hidden_grad_MH,
            gradient.t_matmul(self._read),
            backward.sum_rows(gradient_LV),
        )
