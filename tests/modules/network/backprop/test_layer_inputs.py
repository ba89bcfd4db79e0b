"""Inputs of a layer: what they write to the gates, and their gradients, against NumPy.

The layer itself is left out: the written gates serve as the gradient of the gates.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.layer_inputs import (
    GatheredEmbedding,
    LayerInput,
    LowerLayer,
    OneHotInput,
    TableEmbedding,
    Weights,
)
from charloom.network.backprop.recurrent_layer import GateGrads, Gates
from charloom.network.dropout import Dropout
from charloom.settings import Cell

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1}
HIDDEN, SYMBOLS, WIDTH, STEPS, SEQUENCES = 5, 7, 3, 6, 4
"""Four sequences fill a tile, so there is no padding."""

Floats = NDArray[np.float32]
cells = pytest.mark.parametrize("cell", GATES)


def random(*shape: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


IDS_TB = np.random.default_rng(0).integers(0, SYMBOLS, (STEPS, SEQUENCES))


def written(cell: Cell, layer_input: LayerInput) -> tuple[Floats, GateGrads]:
    """Return what an input writes, (M, G), and the same values as a gradient."""
    gates = Gates(cell, HIDDEN, steps=STEPS, sequences=SEQUENCES)
    layer_input.forward(gates)
    grads = GateGrads(gates)
    return grads.of_products(), grads


def empty_like(weights: Weights) -> Weights:
    """Return arrays for gradients, which do not depend on what was in them."""
    return {name: np.full_like(value, np.nan) for name, value in weights.items()}


def sum_by_symbol(rows_MX: NDArray[np.floating]) -> Floats:
    table = np.zeros((SYMBOLS, rows_MX.shape[1]), np.float32)
    np.add.at(table, IDS_TB.reshape(-1), rows_MX)
    return table


def dense_weights(cell: Cell, width: int) -> Weights:
    size = GATES[cell] * HIDDEN
    return {"input_weight": random(size, width, seed=1), "bias": random(size, seed=2)}


@cells
def test_one_hot_input_adds_a_table_row_and_the_bias(cell: Cell) -> None:
    size = GATES[cell] * HIDDEN
    weights = {"input_table": random(SYMBOLS, size, seed=1), "bias": random(size, seed=2)}
    layer_input = OneHotInput(weights, IDS_TB)
    gates_MG, grads = written(cell, layer_input)
    assert (gates_MG == (weights["input_table"] + weights["bias"])[IDS_TB.reshape(-1)]).all()
    parameter_grads = empty_like(weights)
    layer_input.backward(grads, parameter_grads)
    np.testing.assert_allclose(parameter_grads["input_table"], sum_by_symbol(gates_MG), rtol=1e-5)
    np.testing.assert_allclose(parameter_grads["bias"], gates_MG.sum(0), rtol=0, atol=1e-4)


@cells
@pytest.mark.parametrize("kind", [TableEmbedding, GatheredEmbedding])
def test_embeddings_are_projected(
    cell: Cell, kind: type[TableEmbedding] | type[GatheredEmbedding]
) -> None:
    weights, embedding = dense_weights(cell, WIDTH), random(SYMBOLS, WIDTH, seed=3)
    layer_input = kind(weights, embedding, IDS_TB, bf16=False)
    gates_MG, grads = written(cell, layer_input)
    vectors = embedding[IDS_TB.reshape(-1)]
    expected = vectors @ weights["input_weight"].T + weights["bias"]
    np.testing.assert_allclose(gates_MG, expected, rtol=0, atol=1e-5)
    parameter_grads = empty_like(weights)
    embedding_grad = layer_input.backward(grads, parameter_grads)
    assert embedding_grad is not None
    by_symbol = sum_by_symbol(gates_MG @ weights["input_weight"])
    np.testing.assert_allclose(embedding_grad, by_symbol, rtol=0, atol=1e-3)
    weight_grad = gates_MG.T @ vectors
    np.testing.assert_allclose(parameter_grads["input_weight"], weight_grad, rtol=0, atol=1e-3)
    np.testing.assert_allclose(parameter_grads["bias"], gates_MG.sum(0), rtol=0, atol=1e-4)


@cells
@pytest.mark.parametrize("p", [0.0, 0.4])
def test_states_of_the_lower_layer_are_dropped_and_projected(cell: Cell, p: float) -> None:
    rows_M = np.arange(STEPS * SEQUENCES)
    dropout = DropoutMask.of_layer(Dropout(p, seed=5), 1, rows_M, rows_M)
    weights, hidden = dense_weights(cell, HIDDEN), random(STEPS * SEQUENCES, HIDDEN, seed=3)
    mask_1MH = np.empty((1, *hidden.shape), np.float32)
    dropout.forward(np.ones_like(hidden), mask_1MH)
    layer_input = LowerLayer(weights, hidden, dropout, bf16=False)
    gates_MG, grads = written(cell, layer_input)
    dropped = hidden * mask_1MH[0]
    expected = dropped @ weights["input_weight"].T + weights["bias"]
    np.testing.assert_allclose(gates_MG, expected, rtol=0, atol=1e-5)
    parameter_grads = empty_like(weights)
    hidden_grad = layer_input.backward(grads, parameter_grads)
    assert hidden_grad is not None
    hidden_expected = gates_MG @ weights["input_weight"] * mask_1MH[0]
    np.testing.assert_allclose(hidden_grad, hidden_expected, rtol=0, atol=1e-4)
    weight_grad = gates_MG.T @ dropped
    np.testing.assert_allclose(parameter_grads["input_weight"], weight_grad, rtol=0, atol=1e-3)
