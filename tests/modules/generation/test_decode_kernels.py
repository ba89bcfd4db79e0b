"""The kernels against the NumPy functions that they repeat, bit for bit.

tests/laws/test_engines_agree.py compares sampling, penalties and biases over random options.
"""

import math

import numpy as np
import pytest
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from numpy.typing import NDArray

from charloom.generation import decode_kernels as kernels
from charloom.generation.compiled_decode import processor_options, sampling_options
from charloom.generation.logits_processor import LogitsProcessor, build_logits_processor
from charloom.generation.regex_constraint import RegexConstraint
from charloom.generation.sampling import Truncation
from charloom.network.engine import Engine
from charloom.network.reference import State
from charloom.randomness import uniform
from charloom.settings import NetworkSettings, SamplingSettings
from charloom.text.vocabulary import EOS

VOCABULARY = make_vocabulary("abcdef")
V = len(VOCABULARY)
CELL_KINDS = {"lstm": kernels.LSTM, "gru": kernels.GRU, "rnn": kernels.RNN}
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def engine_of(settings: NetworkSettings) -> Engine:
    return Engine(settings, random_tensors(settings, V, seed=4, scale=0.8))


def layers_of(engine: Engine) -> kernels.Layers:
    weights = engine.weights
    return kernels.Layers(
        cell_kind=CELL_KINDS[engine.settings.cell],
        table_VG=weights.table_VG,
        input_LHG=weights.input_LHG,
        bias_LG=weights.bias_LG,
        recurrent_LHG=weights.recurrent_LHG,
        recurrent_bias_LH=weights.recurrent_bias_LH,
    )


def zeros(engine: Engine, sequences: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the hidden and cell state before the first symbol."""
    shape = (engine.settings.layers, sequences, engine.settings.hidden)
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32)


def check_state(state: State, hidden: NDArray[np.float32], cell: NDArray[np.float32]) -> None:
    assert hidden.tolist() == state.hidden.tolist()
    assert state.cell is None or cell.tolist() == state.cell.tolist()


@networks
def test_prefill_reads_symbols_like_the_engine(settings: NetworkSettings) -> None:
    engine, ids = engine_of(settings), np.array([0, 3, 5, 2, 2, 7, 1])
    state = engine.initial_state(np.array([-1]))
    for index in ids:
        state = engine.advance(np.array([index]), state)
    hidden, cell = zeros(engine, 1)
    kernels.prefill(layers_of(engine), ids, hidden, cell)
    check_state(state, hidden, cell)


@networks
def test_advance_reads_the_first_sequences_and_leaves_the_others(settings: NetworkSettings) -> None:
    engine = engine_of(settings)
    state = engine.initial_state(np.array([-1, -1]))
    hidden, cell = zeros(engine, 3)
    gates, sums = np.empty((2, 3, engine.weights.table_VG.shape[1]), np.float32)
    for ids in np.array([[2, 3, 4], [5, 2, 6]]):
        state = engine.advance(ids[:2], state)
        kernels.advance(layers_of(engine), ids, hidden, cell, gates, sums, 2)
    check_state(state, hidden[:, :2], cell[:, :2])
    assert not hidden[:, 2].any() and not cell[:, 2].any()


def test_uniforms_are_those_of_the_randomness_module() -> None:
    seeds = [0, 1, 2**32, 2**63 - 1]
    positions = [0, 1, 2**31, 2**62]
    for seed, position in zip(seeds * 4, sorted(positions * 4), strict=True):
        pair = np.uint64(seed), np.uint64(position)
        assert kernels.uniform(*pair) == uniform(*(np.array([number]) for number in pair))[0]


def matching(pattern: str, min_length: int, max_length: int) -> LogitsProcessor:
    settings = SamplingSettings(match=pattern, min_length=min_length, length=max_length)
    return build_logits_processor(
        settings, VOCABULARY, "", lambda pattern: RegexConstraint(pattern, VOCABULARY)
    )


@pytest.mark.parametrize(
    ("pattern", "min_length", "max_length"),
    [("a[bc]{2,3}f?", 0, 4), ("(ab|c)*d", 3, 5), ("[a-f]*", 2, 3)],
)
def test_masks_of_every_state_and_position_are_those_of_the_processor(
    pattern: str, min_length: int, max_length: int
) -> None:
    processor = matching(pattern, min_length, max_length)
    assert processor.automaton is not None
    options = processor_options(processor)
    logits_V, processed_V = np.linspace(-2, 2, V, dtype=np.float32), np.empty(V, np.float32)
    states = np.arange(len(processor.automaton.next_QV))
    batch = processor.initial_state.select(np.zeros(len(states), np.int64))
    batch.automaton_B = states
    for position in range(max_length):
        logits_BV = np.tile(logits_V, (len(states), 1))
        expected_BV = processor.process(logits_BV, position, batch)
        for state, expected_V in zip(states, expected_BV, strict=True):
            recent_W = batch.recent_BW[state]
            kernels.process(logits_V, processed_V, options, position, state, recent_W)
            assert processed_V.tolist() == expected_V.tolist()


def test_a_symbol_is_sampled_by_its_cumulative_weight() -> None:
    logits_V = np.log(np.array([0.125, 0.25, 0.5, 0.125], np.float32))
    weights_V, options = np.empty(4, np.float32), sampling_options(Truncation(), 4)
    edges = {0.0: 0, 0.1249: 0, 0.1251: 1, 0.3749: 1, 0.3751: 2, 0.8749: 2, 0.8751: 3}
    for number, index in edges.items():
        assert kernels.sample(logits_V, weights_V, options, number) == index
    greedy = sampling_options(Truncation(temperature=0.0), 4)
    assert kernels.sample(logits_V, weights_V, greedy, 0.9) == 2


def test_decode_ends_sequences_at_the_boundary_and_returns_the_rows_of_the_others() -> None:
    """Without recurrence and input, so that every symbol has the same two probabilities."""
    settings = NetworkSettings(cell="rnn", hidden=1, input="one-hot")
    tensors = {key: 0 * tensor for key, tensor in random_tensors(settings, V).items()}
    tensors["output.bias"][1:] = -1000
    tensors["output.bias"][2] = math.log(3)
    engine, B, T = Engine(settings, tensors), 9, 4
    processor = build_logits_processor(
        SamplingSettings(temperature=1.0), VOCABULARY, "", pytest.fail
    )
    hidden, cell = zeros(engine, B)
    seeds = np.arange(B, dtype=np.uint64)
    sequences = kernels.Sequences(
        hidden_LBH=hidden,
        cell_LBH=cell,
        automaton_B=np.zeros(B, np.int64),
        recent_BW=np.empty((B, 0), np.int64),
        logits_BV=np.tile(engine.weights.output_bias_V, (B, 1)),
        last_ids_B=np.zeros(B, np.int64),
        seeds_B=seeds,
    )
    block = kernels.Block(
        ids_BT=np.zeros((B, T), np.int32),
        nats_BT=np.zeros((B, T)),
        lengths_B=np.zeros(B, np.int64),
    )
    rows = kernels.decode(
        tuple(layers_of(engine)),
        tuple(
            kernels.Output(weight_HV=engine.weights.output_HV, bias_V=engine.weights.output_bias_V)
        ),
        tuple(processor_options(processor)),
        tuple(sampling_options(processor.truncation, V)),
        tuple(sequences),
        tuple(block),
        10,
        False,
    )
    # The boundary has the lowest id, so a number below its probability of 1/4 ends a sequence.
    positions = np.arange(10, 10 + T, dtype=np.uint64)
    ends_BT = uniform(seeds[:, None], positions[None]) < 0.25
    expected = [ends.index(True) + 1 if True in ends else T for ends in ends_BT.tolist()]
    assert block.lengths_B.tolist() == expected
    active = [row for row in range(B) if not ends_BT[row].any()]
    assert sorted(rows.tolist()) == active
    assert 0 < len(active) < B
    for row, length in enumerate(expected):
        ids = [EOS if end else 2 for end in ends_BT[row, :length]]
        assert block.ids_BT[row, :length].tolist() == ids
        nats = [math.log(4) - (math.log(3) if index else 0) for index in ids]
        assert block.nats_BT[row, :length] == pytest.approx(nats, abs=1e-6)
