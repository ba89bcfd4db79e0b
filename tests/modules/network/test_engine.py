"""The bit-exact engine: its prepared weights, and its steps against the float64 reference."""

import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors

from charloom.network.alignment import CACHE_LINE_BYTES
from charloom.network.engine import Engine, prepare_weights
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

SYMBOLS, LABELS = 7, 3
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


@networks
def test_steps_equal_the_reference(settings: NetworkSettings) -> None:
    tensors = random_tensors(settings, SYMBOLS, LABELS, seed=1)
    engine, reference = Engine(settings, tensors), Network(settings, tensors)
    labels = np.array([2, -1, 0])
    state, expected_state = engine.initial_state(labels), reference.initial_state(labels)
    for ids_B in np.random.default_rng(2).integers(0, SYMBOLS, (6, 3)):
        logits, state = engine.step(ids_B, state)
        expected, expected_state = reference.step(ids_B, expected_state)
        # float32: about 20 sums of terms of size 1, each off by 2**-24 or less.
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(state.hidden, expected_state.hidden, rtol=0, atol=1e-5)


@networks
def test_a_sequence_has_the_same_bits_alone(settings: NetworkSettings) -> None:
    engine = Engine(settings, random_tensors(settings, SYMBOLS, seed=1))
    ids_TB = np.random.default_rng(2).integers(0, SYMBOLS, (4, 3))
    state = engine.initial_state(np.full(3, -1))
    alone = [engine.initial_state(np.array([-1])) for _ in range(3)]
    for ids_B in ids_TB:
        logits, state = engine.step(ids_B, state)
        for b in range(3):
            single, alone[b] = engine.step(ids_B[b : b + 1], alone[b])
            assert single[0].tobytes() == logits[b].tobytes()


def test_the_table_is_the_projected_embedding_plus_bias() -> None:
    settings = NetworkSettings(cell="lstm", hidden=4, layers=1, input=3)
    tensors = random_tensors(settings, SYMBOLS, seed=1)
    table = prepare_weights(settings, tensors).table_VG
    embedding, weight = tensors["embedding.weight"], tensors["cells.0.input_weight"]
    expected = embedding.astype(float) @ weight.T + tensors["cells.0.bias"]
    np.testing.assert_allclose(table, expected, rtol=0, atol=1e-6)


@networks
def test_weights_are_aligned_to_cache_lines(settings: NetworkSettings) -> None:
    weights = prepare_weights(settings, random_tensors(settings, SYMBOLS, seed=1))
    for array in vars(weights).values():
        assert array.ctypes.data % CACHE_LINE_BYTES == 0 or not array.size
        assert array.flags.c_contiguous
        assert array.dtype == np.float32
