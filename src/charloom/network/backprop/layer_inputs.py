"""Inputs of a recurrent layer and their gradients: symbols or lower states.

Axes: T time steps, B sequences, R sequences padded to whole tiles, M = T R, I values of an input, V
vocabulary, E embedding, H hidden units of the lower layer, G gates times H.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.matmul import Floats, Matrix, as_matrix
from charloom.network.backprop.recurrent_layer import GateGrads, Gates
from charloom.network.batch import Ids
from charloom.network.kernels import backward
from charloom.network.kernels.gemm_fp32 import empty_padded, padded_rows

Weights = dict[str, Floats]
"""Parameters or gradients of a layer's input by their names in the layer: ``input_table`` (V, G) or
``input_weight`` (G, I), and ``bias`` (G,)."""


class LayerInput(Protocol):
    """An input of a recurrent layer; call ``forward``, then ``backward`` at most once."""

    def forward(self, gates: Gates) -> None:
        """Write the input's contribution to the gates, biases included."""
        ...

    def backward(
        self, gate_grads: GateGrads, grads: Weights, *, through: bool = True
    ) -> Floats | None:
        """Write the gradients of the parameters; return that of the values read.

        The values are the embedding (V, E) or the lower layer's hidden states (M, H); None for
        one-hot input, and without ``through``. Parameters that ``grads`` lacks are frozen.
        """
        ...


class OneHotInput:
    """Symbols that each add one row of the layer's table to the gates."""

    def __init__(self, weights: Weights, ids_TB: Ids) -> None:
        self._weights, self._ids_TB = weights, ids_TB

    def forward(self, gates: Gates) -> None:
        """Write each symbol's row, plus the bias."""
        gates.look_up(self._weights["input_table"] + self._weights["bias"], self._ids_TB)

    def backward(self, gate_grads: GateGrads, grads: Weights, *, through: bool = True) -> None:
        """Write the gradients of table and bias."""
        if not grads:
            return
        table_VG = grads.get("input_table")
        if table_VG is None:
            table_VG = np.empty_like(self._weights["input_table"])
        gate_grads.write_table(self._ids_TB, table_VG)
        if "bias" in grads:
            table_VG.sum(0, out=grads["bias"])


class TableEmbedding:
    """Embedded symbols, projected once for each symbol of the vocabulary.

    This is faster than ``GatheredEmbedding`` if the minibatch has more positions than symbols.
    """

    def __init__(self, weights: Weights, embedding_VE: Floats, ids_TB: Ids, *, bf16: bool) -> None:
        self._weights, self._ids_TB, self._bf16 = weights, ids_TB, bf16
        self._symbols = len(embedding_VE)
        self._embedding = as_matrix(embedding_VE, bf16=bf16)

    def forward(self, gates: Gates) -> None:
        """Write each symbol's projected embedding."""
        weight_GE = self._weights["input_weight"]
        table_VG = empty_padded(padded_rows(self._symbols), len(weight_GE))
        self._embedding.matmul_t(weight_GE, self._weights["bias"], table_VG)
        gates.look_up(table_VG, self._ids_TB)

    def backward(
        self, gate_grads: GateGrads, grads: Weights, *, through: bool = True
    ) -> Floats | None:
        """Write the gradients of weight and bias; return that of the embedding."""
        table_VG = np.empty((self._symbols, len(self._weights["bias"])), np.float32)
        gate_grads.write_table(self._ids_TB, table_VG)
        return _project_back(
            table_VG, self._embedding, self._weights, grads, through=through, bf16=self._bf16
        )


class DenseInput:
    """Vectors (M, I) that are projected to the gates."""

    def __init__(self, weights: Weights, vectors_MI: Floats, *, bf16: bool) -> None:
        self._weights, self._bf16 = weights, bf16
        self._vectors = as_matrix(vectors_MI, bf16=bf16)

    def forward(self, gates: Gates) -> None:
        """Write the projected vectors."""
        gates.project(self._vectors, self._weights["input_weight"], self._weights["bias"])

    def backward(
        self, gate_grads: GateGrads, grads: Weights, *, through: bool = True
    ) -> Floats | None:
        """Write the gradients of weight and bias; return that of the vectors."""
        gates_MG = gate_grads.of_products()
        return _project_back(
            gates_MG, self._vectors, self._weights, grads, through=through, bf16=self._bf16
        )


class GatheredEmbedding:
    """Embedded symbols, projected at each position of the minibatch."""

    def __init__(self, weights: Weights, embedding_VE: Floats, ids_TB: Ids, *, bf16: bool) -> None:
        self._ids_TB = ids_TB
        self._embedding_shape = embedding_VE.shape
        steps, sequences = ids_TB.shape
        width = embedding_VE.shape[1]
        vectors_TRE = np.zeros((steps, padded_rows(sequences), width), np.float32)
        vectors_TRE[:, :sequences] = embedding_VE[ids_TB]
        self._dense = DenseInput(weights, vectors_TRE.reshape(-1, width), bf16=bf16)

    def forward(self, gates: Gates) -> None:
        """Write the projected embedding of each position."""
        self._dense.forward(gates)

    def backward(
        self, gate_grads: GateGrads, grads: Weights, *, through: bool = True
    ) -> Floats | None:
        """Write the gradients of weight and bias; return that of the embedding."""
        vectors_ME = self._dense.backward(gate_grads, grads, through=through)
        if vectors_ME is None:
            return None
        embedding_VE = np.zeros(self._embedding_shape, np.float32)
        vectors_TRE = vectors_ME.reshape(len(self._ids_TB), -1, vectors_ME.shape[1])
        backward.scatter_add_rows(embedding_VE, self._ids_TB, vectors_TRE)
        return embedding_VE


class LowerLayer:
    """The hidden states (M, H) of the lower layer under dropout."""

    def __init__(
        self, weights: Weights, hidden_MH: Floats, dropout: DropoutMask, *, bf16: bool
    ) -> None:
        self._dropout = dropout
        dropped_1MH = np.empty((1, *hidden_MH.shape), np.float32)
        dropout.forward(hidden_MH, dropped_1MH)
        self._dense = DenseInput(weights, dropped_1MH[0], bf16=bf16)

    def forward(self, gates: Gates) -> None:
        """Write the projected states."""
        self._dense.forward(gates)

    def backward(
        self, gate_grads: GateGrads, grads: Weights, *, through: bool = True
    ) -> Floats | None:
        """Write the gradients of weight and bias; return that of the hidden states."""
        dropped_MH = self._dense.backward(gate_grads, grads, through=through)
        if dropped_MH is None:
            return None
        hidden_MH = np.zeros_like(dropped_MH)
        self._dropout.backward(dropped_MH[None], hidden_MH)
        return hidden_MH


def _project_back(
    gates_MG: Floats,
    vectors: Matrix,
    weights: Weights,
    grads: Weights,
    *,
    through: bool,
    bf16: bool,
) -> Floats | None:
    """Write the gradients of weight and bias from that of their products.

    Return that of the projected ``vectors`` (M, I), or None without ``through``.
    """
    grad = as_matrix(gates_MG, bf16=bf16)
    if "input_weight" in grads:
        grad.t_matmul(vectors, grads["input_weight"])
    if "bias" in grads:
        gates_MG.sum(0, out=grads["bias"])
    return grad.matmul(weights["input_weight"]) if through else None
