"""The compiled decoder equals the NumPy decoder in every array of a block and its state."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, make_vocabulary, network_id, random_tensors

from charloom.generation.compiled_decode import (
    CompiledDecoder,
    decoder_matrices,
    processor_options,
    sampling_options,
)
from charloom.generation.decode_loop import Decoder, DecoderState, NumpyDecoder, PromptState
from charloom.generation.logits_processor import build_logits_processor
from charloom.generation.regex_constraint import RegexConstraint
from charloom.generation.sampling import Truncation
from charloom.model_folder.weights import WeightPrecision, narrow, widen
from charloom.network.engine import Engine
from charloom.network.reference import State
from charloom.settings import NetworkSettings, SamplingSettings

VOCABULARY = make_vocabulary("abcdef")
PROMPT = "abca"


def engine_of(settings: NetworkSettings, precision: WeightPrecision = "fp32") -> Engine:
    tensors = random_tensors(settings, len(VOCABULARY), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    rounded = {name: widen(narrow(t, precision), precision) for name, t in tensors.items()}
    return Engine(settings, rounded)


def start_of(engine: Engine, decoder: Decoder, **options: Any) -> PromptState:
    settings = SamplingSettings(length=40, **options)
    logits, state = decoder.prefill(VOCABULARY.encode(PROMPT), engine.initial_state(np.array([-1])))
    processor = build_logits_processor(
        settings, VOCABULARY, PROMPT, lambda pattern: RegexConstraint(pattern, VOCABULARY)
    )
    return PromptState(
        prompt=PROMPT,
        settings=settings,
        processor=processor,
        logits_1V=logits,
        network_state=state,
    )


def values(state: State) -> list[object]:
    return [state.hidden.tolist(), None if state.cell is None else state.cell.tolist()]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("network", NETWORKS[1::4], ids=network_id)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.0},
        {"repetition_penalty": 1.4, "repetition_span": 2, "top_k": 5, "min_length": 3},
        {"match": "[a-f]{6,}", "bias": {"c": -math.inf}, "top_p": 0.9, "min_p": 0.05},
    ],
)
def test_blocks_and_states_equal_those_of_numpy(
    network: NetworkSettings, options: dict[str, Any], precision: WeightPrecision
) -> None:
    engine, seeds = engine_of(network, precision), [3, 1, 4, 1, 5, 9, 2, 6]
    results = []
    for decoder in (NumpyDecoder(engine), CompiledDecoder(engine)):
        start = start_of(engine, decoder, **options)
        state = DecoderState.from_prompt(start, seeds)
        texts: dict[int, list[int]] = {}
        active = list(range(len(seeds)))
        for steps in (1, 4, 5):
            block = decoder.decode(state, steps, start.processor)
            for row, key in enumerate(active):
                ids = block.ids_BT[row, : block.lengths_B[row]].tolist()
                texts.setdefault(key, []).extend(ids)
            active = [active[row] for row in block.rows_B.tolist()]
            # The decoders may order the remaining sequences differently.
            order = np.argsort(active)
            state, active = block.state.select(order), [active[k] for k in order]
            if not active:
                break
        assert state.last_ids_B is not None
        results.append(
            (
                start.logits_1V.tolist(),
                texts,
                active,
                values(state.network_state),
                state.processor_state.automaton_B.tolist(),
                state.processor_state.recent_BW.tolist(),
                state.last_ids_B.tolist(),
                state.seeds_B.tolist(),
                state.position if active else None,
            )
        )
    assert results[0] == results[1]


def test_options_of_the_kernels_are_those_of_the_processor() -> None:
    engine = engine_of(NETWORKS[0])
    start = start_of(
        engine,
        NumpyDecoder(engine),
        min_length=2,
        repetition_penalty=1.5,
        repetition_span=3,
        bias={"a": 0.5},
    )
    options = processor_options(start.processor)
    assert options.bias_V.tolist() == start.processor.bias_V.tolist()
    assert (float(options.repetition_penalty), options.repetition_span) == (1.5, 3)
    assert (options.min_length, options.max_length) == (2, 40)
    assert options.next_QV.shape == options.distance_JQ.shape == (0, 0)
    sampling = sampling_options(Truncation(temperature=0.5, top_p=0.9, min_p=0.1), 8)
    assert sampling._asdict() == {
        "temperature": 0.5,
        "truncates": True,
        "top_k": 8,
        "top_p": 0.9,
        "min_p": 0.1,
    }


@pytest.mark.parametrize("network", NETWORKS[::3], ids=network_id)
def test_prompts_and_steps_have_the_bits_of_numpy_with_bfloat16(network: NetworkSettings) -> None:
    engine, ids_T = engine_of(network, "bf16"), np.array([2, 5, 3, 3, 4])
    results = []
    for decoder in (NumpyDecoder(engine), CompiledDecoder(engine)):
        logits_1V, state = decoder.prefill(ids_T, engine.initial_state(np.array([-1])))
        logits_BV, after = decoder.step(np.array([3, 6, 2]), state.select(np.zeros(3, np.int64)))
        results.append([logits_1V.tolist(), values(state), logits_BV.tolist(), values(after)])
    assert results[0] == results[1]


def test_only_bfloat16_weights_are_packed() -> None:
    for precision, kind in (("bf16", np.uint32), ("fp16", np.float32), ("fp32", np.float32)):
        weights = engine_of(NETWORKS[0], precision).weights  # type: ignore[arg-type]
        assert {matrix.dtype for matrix in decoder_matrices(weights)} == {np.dtype(kind)}


def test_one_matrix_in_float32_keeps_all_in_float32() -> None:
    engine = engine_of(NETWORKS[0], "bf16")
    weights = dataclasses.replace(
        engine.weights, output_HV=engine.weights.output_HV / np.float32(3)
    )
    assert [matrix.dtype.name for matrix in decoder_matrices(weights)] == ["float32"] * 3
