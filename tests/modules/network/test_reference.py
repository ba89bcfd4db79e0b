"""The NumPy network against cells written as plain loops over numbers.

Tolerance: both compute in float64, so only the order of a few sums differs.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors
from numpy.typing import NDArray

from charloom.network.reference import Network, State
from charloom.settings import NetworkSettings

SYMBOLS, LABELS, STEPS = 7, 3, 6
TOLERANCE = 1e-12

Vector = list[float]
Tensors = Mapping[str, NDArray[Any]]

networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def dot(matrix: NDArray[Any], row: int, vector: Vector) -> float:
    total = 0.0
    for column, value in enumerate(vector):
        total += float(matrix[row, column]) * value
    return total


def inputs_of(tensors: Tensors, layer: int, symbol: int, below: Vector) -> Vector:
    """Return the contribution of the input to each gate, without the bias."""
    table = tensors.get(f"cells.{layer}.input_table")
    if table is not None:
        return [float(value) for value in table[symbol]]
    weight = tensors[f"cells.{layer}.input_weight"]
    vector = below if layer else [float(value) for value in tensors["embedding.weight"][symbol]]
    return [dot(weight, row, vector) for row in range(len(weight))]


def cell_step(
    cell: str, tensors: Tensors, layer: int, inputs: Vector, hidden: Vector, cell_state: Vector
) -> tuple[Vector, Vector]:
    size = len(hidden)
    weight = tensors[f"cells.{layer}.recurrent_weight"]
    bias = [float(value) for value in tensors[f"cells.{layer}.bias"]]
    new_hidden, new_cell = [], []
    for unit in range(size):
        rows = range(unit, len(weight), size)  # this unit's row of each gate, in the gates' order
        from_input = [inputs[row] + bias[row] for row in rows]
        recurrent = [dot(weight, row, hidden) for row in rows]
        if cell == "lstm":
            i, f, g, o = (x + u for x, u in zip(from_input, recurrent, strict=True))
            new = sigmoid(f) * cell_state[unit] + sigmoid(i) * math.tanh(g)
            new_cell.append(new)
            new_hidden.append(sigmoid(o) * math.tanh(new))
        elif cell == "gru":
            r, z = (sigmoid(x + u) for x, u in zip(from_input[:2], recurrent[:2], strict=True))
            inner = recurrent[2] + float(tensors[f"cells.{layer}.recurrent_bias"][unit])
            n = math.tanh(from_input[2] + r * inner)
            new_hidden.append((1.0 - z) * n + z * hidden[unit])
        else:
            new_hidden.append(math.tanh(from_input[0] + recurrent[0]))
    return new_hidden, new_cell


def oracle(
    settings: NetworkSettings, tensors: Tensors, symbols: list[int], label: int
) -> list[Vector]:
    """Return the logits after each symbol of one sequence."""
    size, layers = settings.hidden, range(settings.layers)
    hidden = [[0.0] * size for _ in layers]
    cell_state = [[0.0] * size for _ in layers]
    if label >= 0:
        hidden = tensors["labels.hidden"][label].astype(float).tolist()
        if settings.cell == "lstm":
            cell_state = tensors["labels.cell"][label].astype(float).tolist()
    weight, bias = tensors["output.weight"], tensors["output.bias"]
    result = []
    for symbol in symbols:
        below: Vector = []
        for layer in layers:
            inputs = inputs_of(tensors, layer, symbol, below)
            hidden[layer], cell_state[layer] = cell_step(
                settings.cell, tensors, layer, inputs, hidden[layer], cell_state[layer]
            )
            below = hidden[layer]
        result.append([dot(weight, row, below) + float(bias[row]) for row in range(len(bias))])
    return result


@networks
@pytest.mark.parametrize("labels", [(-1, -1), (2, -1, 0)], ids=["unlabelled", "labelled"])
def test_steps_equal_plain_loops(settings: NetworkSettings, labels: tuple[int, ...]) -> None:
    tensors = random_tensors(settings, SYMBOLS, LABELS, seed=3)
    ids_TB = np.random.default_rng(4).integers(0, SYMBOLS, (STEPS, len(labels)))
    expected = [
        oracle(settings, tensors, ids_TB[:, stream].tolist(), label)
        for stream, label in enumerate(labels)
    ]
    network = Network(settings, tensors)
    state = network.initial_state(np.array(labels))
    for step, ids_B in enumerate(ids_TB):
        logits_BV, state = network.step(ids_B, state)
        for stream in range(len(labels)):
            assert logits_BV[stream] == pytest.approx(expected[stream][step], rel=0, abs=TOLERANCE)


@networks
def test_a_model_without_labels_starts_from_zeros(settings: NetworkSettings) -> None:
    state = Network(settings, random_tensors(settings, SYMBOLS)).initial_state(np.array([-1, -1]))
    assert state.hidden.shape == (settings.layers, 2, settings.hidden)
    assert not state.hidden.any()
    assert (state.cell is not None) == (settings.cell == "lstm")
    assert state.cell is None or not state.cell.any()


@networks
def test_a_step_leaves_its_arguments_alone(settings: NetworkSettings) -> None:
    tensors = random_tensors(settings, SYMBOLS, LABELS)
    before = {key: tensor.copy() for key, tensor in tensors.items()}
    network = Network(settings, tensors)
    ids = np.array([1, 2])
    _, state = network.step(ids, network.initial_state(np.array([0, 1])))
    kept = copy.deepcopy(state)
    first, _ = network.step(ids, state)
    second, _ = network.step(ids, state)
    assert np.array_equal(first, second)
    assert ids.tolist() == [1, 2]
    assert np.array_equal(state.hidden, kept.hidden)
    if state.cell is not None and kept.cell is not None:
        assert np.array_equal(state.cell, kept.cell)
    assert all(np.array_equal(tensors[key], before[key]) for key in tensors)


def test_gates_do_not_overflow() -> None:
    """Saturated gates give finite states and no warning (warnings fail this suite)."""
    settings = NetworkSettings(cell="lstm", hidden=2, input="one-hot")
    tensors = random_tensors(settings, SYMBOLS, scale=1e30)
    network = Network(settings, tensors)
    _, state = network.step(np.array([3]), network.initial_state(np.array([-1])))
    assert np.isfinite(state.hidden).all()


def test_single_precision_is_kept_throughout() -> None:
    settings = NetworkSettings(cell="gru", hidden=4, input=2)
    network = Network(settings, random_tensors(settings, SYMBOLS), np.float32)
    logits_BV, state = network.step(np.array([1]), network.initial_state(np.array([-1])))
    assert logits_BV.dtype == state.hidden.dtype == np.float32


def test_selected_sequences_keep_the_given_order() -> None:
    hidden = np.arange(12.0).reshape(2, 3, 2)
    taken = State(hidden=hidden, cell=hidden + 100).select(np.array([2, 0]))
    assert taken.cell is not None
    assert taken.hidden.tolist() == [[[4, 5], [0, 1]], [[10, 11], [6, 7]]]
    assert (taken.cell - taken.hidden == 100).all()
    assert State(hidden=hidden, cell=None).select(slice(1)).cell is None


def test_the_vocabulary_size_is_that_of_the_output() -> None:
    settings = NetworkSettings(cell="rnn", hidden=4, input=2)
    assert Network(settings, random_tensors(settings, 11)).vocabulary_size == 11
