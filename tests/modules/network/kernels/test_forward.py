"""The forward kernels against the cells of the float64 reference."""

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.network import reference
from charloom.network.kernels.forward import (
    ACTIVATION_COUNTS,
    CELL_IDS,
    FORWARD,
    LayerStates,
    gather_gates,
)
from charloom.network.kernels.gemm_fp32 import empty_padded, pack_transposed
from charloom.settings import Cell

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1}
STEPS, SEQUENCES, HIDDEN, SYMBOLS = 5, 4, 9, 6
Floats = NDArray[np.float32]


def random(*shape: int, seed: int) -> Floats:
    return (0.5 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("cell", GATES)
def test_a_layer_equals_the_reference(cell: Cell) -> None:
    gates = GATES[cell] * HIDDEN
    table_VG, weight_GH = random(SYMBOLS, gates, seed=1), random(gates, HIDDEN, seed=2)
    bias_H = random(HIDDEN, seed=3)
    ids_TB = np.random.default_rng(4).integers(0, SYMBOLS, (STEPS, SEQUENCES))
    states = LayerStates(
        empty_padded(STEPS, SEQUENCES, ACTIVATION_COUNTS[cell] * HIDDEN),
        empty_padded(STEPS + 1, SEQUENCES, HIDDEN),
        empty_padded(STEPS + 1, SEQUENCES, HIDDEN),
    )
    states.hidden_TBH[0] = hidden_BH = random(SEQUENCES, HIDDEN, seed=5)
    states.cell_TBH[0] = cell_BH = random(SEQUENCES, HIDDEN, seed=6)
    gather_gates(table_VG, ids_TB, states.activations_TBS, CELL_IDS[cell])
    FORWARD[cell](states, bias_H, pack_transposed(weight_GH), None)

    layer = reference.Layer(
        input_IG=table_VG.astype(float),
        recurrent_HG=weight_GH.T.astype(float),
        bias_G=np.zeros(gates),
        recurrent_bias_H=bias_H.astype(float) if cell == "gru" else None,
    )
    hidden: reference.Floats = hidden_BH.astype(float)
    cell_state: reference.Floats | None = cell_BH.astype(float) if cell == "lstm" else None
    for t in range(STEPS):
        hidden, cell_state = layer.step(layer.input_IG[ids_TB[t]].copy(), hidden, cell_state)
        # float32: sums of ten terms of size 1 and functions that are off by 2e-7.
        np.testing.assert_allclose(states.hidden_TBH[t + 1], hidden, rtol=0, atol=2e-6)
        if cell_state is not None:
            np.testing.assert_allclose(states.cell_TBH[t + 1], cell_state, rtol=0, atol=2e-6)


def test_gates_of_gru_are_stored_candidate_first() -> None:
    table_VG = np.arange(2 * 6, dtype=np.float32).reshape(2, 6)
    activations = np.full((1, 1, 8), -1, np.float32)
    gather_gates(table_VG, np.array([[1]]), activations, CELL_IDS["gru"])
    assert activations[0, 0].tolist() == [10, 11, 6, 7, 8, 9, -1, -1]
