"""Initial parameters: orthogonal gates, bounds and moments, equal bits for equal seeds."""

import numpy as np
import pytest

from charloom.network.initialization import LABEL_BOUND, initial_tensors
from charloom.network.parameters import parameter_shapes
from charloom.network.reference import GATE_COUNTS
from charloom.settings import Cell, NetworkSettings

CELLS: tuple[Cell, ...] = ("lstm", "gru", "rnn")
cells = pytest.mark.parametrize("cell", CELLS)


def initial(
    cell: Cell, seed: int = 0, *, hidden: int = 12, width: int | None = 40
) -> dict[str, np.ndarray]:
    settings = NetworkSettings(
        cell=cell, hidden=hidden, layers=2, input="one-hot" if width is None else width
    )
    return dict(initial_tensors(cell, parameter_shapes(settings, 100, labels=3), seed))


@cells
def test_recurrent_weights_are_orthogonal_for_each_gate(cell: Cell) -> None:
    for depth in range(2):
        weight = initial(cell)[f"cells.{depth}.recurrent_weight"].astype(np.float64)
        for gate in np.split(weight, GATE_COUNTS[cell]):
            np.testing.assert_allclose(gate @ gate.T, np.eye(12), rtol=0, atol=1e-6)


@cells
def test_gates_have_different_matrices_in_all_directions(cell: Cell) -> None:
    """A random orthogonal matrix has entries of mean 0; its determinant is 1 or -1."""
    gates = [
        gate
        for seed in range(40)
        for gate in np.split(initial(cell, seed)["cells.0.recurrent_weight"], GATE_COUNTS[cell])
    ]
    assert len({gate.tobytes() for gate in gates}) == len(gates)
    # The mean of at least 40 * 144 entries with deviation 12 ** -0.5: 6 deviations, odds 2e-9.
    assert abs(np.mean(gates)) < 6 * 12**-0.5 / np.sqrt(40 * 144)
    # All of 40 determinants have the same sign with odds 2 ** -39.
    assert {round(float(np.linalg.det(gate))) for gate in gates} == {-1, 1}


def test_only_the_forget_gate_has_a_bias() -> None:
    for depth in range(2):
        bias = initial("lstm")[f"cells.{depth}.bias"].reshape(4, 12)
        assert (bias[1] == 1).all()
        assert not bias[[0, 2, 3]].any()
    for cell in ("gru", "rnn"):
        tensors = initial(cell)
        assert not any(tensors[name].any() for name in tensors if name.endswith("bias"))


def assert_uniform(values: np.ndarray, bound: float) -> None:
    assert np.abs(values).max() <= bound
    # Means of x and x ** 2 of n uniform numbers, at most 6 standard deviations off: odds 4e-9.
    scaled, count = values.astype(np.float64) / bound, values.size
    assert abs(scaled.mean()) < 6 * (1 / 3 / count) ** 0.5
    assert abs((scaled**2).mean() - 1 / 3) < 6 * (4 / 45 / count) ** 0.5


@cells
def test_input_weights_are_uniform(cell: Cell) -> None:
    tensors = initial(cell)
    assert_uniform(tensors["cells.0.input_weight"], 40**-0.5)
    assert_uniform(tensors["cells.1.input_weight"], 12**-0.5)
    assert_uniform(initial(cell, width=None)["cells.0.input_table"], 1.0)
    assert_uniform(tensors["labels.hidden"], LABEL_BOUND)


def test_embeddings_are_standard_normal() -> None:
    embedding = initial("gru", width=201)["embedding.weight"].astype(np.float64)
    count = embedding.size
    # Moments 1, 2 and 4 with deviations 1, 2 ** 0.5, 96 ** 0.5: 6 deviations, odds 6e-9.
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (4, 3, 96)):
        assert abs((embedding**power).mean() - expected) < 6 * (variance / count) ** 0.5


def test_all_symbols_are_equally_likely() -> None:
    tensors = initial("lstm")
    assert not tensors["output.weight"].any()
    assert not tensors["output.bias"].any()


@cells
def test_equal_seeds_give_equal_bits(cell: Cell) -> None:
    first, same, other = initial(cell, 1), initial(cell, 1), initial(cell, 2)
    for name, tensor in first.items():
        assert tensor.dtype == np.float32
        assert tensor.tobytes() == same[name].tobytes()
        if tensor.any() and not name.endswith("bias"):
            assert tensor.tobytes() != other[name].tobytes()


def test_parameters_of_one_shape_differ() -> None:
    tensors = initial("lstm")
    first, second = (tensors[f"cells.{depth}.recurrent_weight"] for depth in range(2))
    assert (first != second).all()
