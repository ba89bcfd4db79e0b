"""What a recurrent layer reads, and the gradients of that: symbols, or the states of a layer below.

Axes: T steps, B streams, R streams filled up to whole tiles, M = T R, I inputs, V symbols, E
embedding, H hidden units of the layer below, G gates times H.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.matmul import Floats, as_matrix
from charloom.network.backprop.recurrent_layer import RecurrentLayer
from charloom.network.kernels import backward
from charloom.network.kernels.gemm_fp32 import empty_padded, padded_rows

Weights = dict[str, Floats]
"""Of a layer, by their names in it; ``embedding`` is that of the network."""


class LayerInput(Protocol):
    """What a layer reads."""

    def forward(self, layer: RecurrentLayer) -> None:
        """Give it to the gates of a layer."""
        ...

    def backward(self, layer: RecurrentLayer) -> Weights:
        """Return the gradients of its weights, from those of a layer that has gone back."""
        ...


class OneHotInput:
    """Symbols of which each has a row of the layer's table."""

    def __init__(self, weights: Weights, ids_TB: NDArray[np.int64]) -> None:
        self._weights, self._ids_TB = weights, ids_TB

    def forward(self, layer: RecurrentLayer) -> None:
        """Give each symbol's row to the gates."""
        layer.look_up_gates(self._weights["input_table"] + self._weights["bias"], self._ids_TB)

    def backward(self, layer: RecurrentLayer) -> Weights:
        """Return the gradients of table and bias."""
        table_VG = layer.grad_table(self._ids_TB, len(self._weights["input_table"]))
        return {"input_table": table_VG, "bias": backward.sum_rows(table_VG)}


class TableEmbedding:
    """Symbols with an embedding: what it adds to the gates is computed once for each symbol."""

    def __init__(self, weights: Weights, ids_TB: NDArray[np.int64], *, bf16: bool) -> None:
        self._weights, self._ids_TB, self._bf16 = weights, ids_TB, bf16
        self._embedding = as_matrix(weights["embedding"], bf16=bf16)

    def forward(self, layer: RecurrentLayer) -> None:
        """Give each symbol's part to the gates."""
        weight_GE, symbols = self._weights["input_weight"], len(self._weights["embedding"])
        table_VG = empty_padded(padded_rows(symbols), len(weight_GE))
        self._embedding.matmul_t(weight_GE, self._weights["bias"], table_VG)
        layer.look_up_gates(table_VG, self._ids_TB)

    def backward(self, layer: RecurrentLayer) -> Weights:
        """Return the gradients of embedding, weight and bias."""
        weight_GE, symbols = self._weights["input_weight"], len(self._weights["embedding"])
        table_VG = layer.grad_table(self._ids_TB, symbols)
        gradient = as_matrix(table_VG, bf16=self._bf16)
        return {
            "embedding": gradient.matmul(weight_GE),
            "input_weight": gradient.t_matmul(self._embedding),
            "bias": backward.sum_rows(table_VG),
        }


class DenseInput:
    """Vectors, (M, I), that a weight takes to the gates."""

    def __init__(self, weights: Weights, vectors_MI: Floats, *, bf16: bool) -> None:
        self._weights, self._bf16 = weights, bf16
        self._vectors = as_matrix(vectors_MI, bf16=bf16)

    def forward(self, layer: RecurrentLayer) -> None:
        """Give the vectors to the gates."""
        layer.project_gates(self._vectors, self._weights["input_weight"], self._weights["bias"])

    def backward(self, layer: RecurrentLayer) -> Weights:
        """Return the gradients of weight, bias and ``vectors``."""
        gates_MG = layer.grad_gates()
        gradient = as_matrix(gates_MG, bf16=self._bf16)
        return {
            "vectors": gradient.matmul(self._weights["input_weight"]),
            "input_weight": gradient.t_matmul(self._vectors),
            "bias": backward.sum_rows(gates_MG),
        }


class GatheredEmbedding:
    """Symbols with an embedding, of which there are more than places in a minibatch."""

    def __init__(self, weights: Weights, ids_TB: NDArray[np.int64], *, bf16: bool) -> None:
        (steps, streams), embedding_VE = ids_TB.shape, weights["embedding"]
        self._shape, self._ids_TB = embedding_VE.shape, ids_TB
        self._vectors_TRE = np.zeros((steps, padded_rows(streams), self._shape[1]), np.float32)
        self._vectors_TRE[:, :streams] = embedding_VE[ids_TB]
        vectors_ME = self._vectors_TRE.reshape(-1, self._shape[1])
        self._read = DenseInput(weights, vectors_ME, bf16=bf16)

    def forward(self, layer: RecurrentLayer) -> None:
        """Give the symbols' vectors to the gates."""
        self._read.forward(layer)

    def backward(self, layer: RecurrentLayer) -> Weights:
        """Return the gradients of embedding, weight and bias."""
        gradients = self._read.backward(layer)
        vectors_TRE = gradients.pop("vectors").reshape(self._vectors_TRE.shape)
        embedding_VE = np.zeros(self._shape, np.float32)
        backward.scatter_add_rows(embedding_VE, self._ids_TB, vectors_TRE)
        return gradients | {"embedding": embedding_VE}


class LowerLayer:
    """The hidden states of the layer below, (M, H), of which ``draw`` drops some."""

    def __init__(
        self, weights: Weights, hidden_MH: Floats, draw: DropoutMask, *, bf16: bool
    ) -> None:
        self._draw, self._rows_M = draw, np.arange(len(hidden_MH))
        read_1MH = np.empty((1, *hidden_MH.shape), np.float32)
        draw.forward(hidden_MH, self._rows_M, read_1MH)
        self._read = DenseInput(weights, read_1MH[0], bf16=bf16)

    def forward(self, layer: RecurrentLayer) -> None:
        """Give what is kept of the states to the gates."""
        self._read.forward(layer)

    def backward(self, layer: RecurrentLayer) -> Weights:
        """Return the gradients of weight and bias, and of the states as ``below``."""
        gradients = self._read.backward(layer)
        read_grad_MH = gradients.pop("vectors")
        below_MH = np.zeros_like(read_grad_MH)
        self._draw.backward(read_grad_MH[None], self._rows_M, below_MH)
        return gradients | {"below": below_MH}
