"""The kernels with forbidden strings against NumPy, for every state, position and symbol.

tests/modules/generation/test_decode_kernels.py compares the masks of a match alone.
"""

from typing import Any

import numpy as np
import pytest
from networks import make_vocabulary

from charloom.generation import decode_kernels as kernels
from charloom.generation.automaton_kernels import next_state
from charloom.generation.compiled_decode import processor_options
from charloom.generation.forbidden_strings import ForbiddenStringsCache
from charloom.generation.logits_processor import LogitsProcessor, build_logits_processor
from charloom.generation.regex_constraint import RegexConstraint
from charloom.jit.decorator import compiled
from charloom.settings import SamplingSettings
from charloom.text.vocabulary import EOS

VOCABULARY = make_vocabulary(["a", "b", " ", "ab", "b a", "-"], "word")
V = len(VOCABULARY)

CASES: list[dict[str, Any]] = [
    {"forbid": ("aba", "b  ")},
    {"forbid": ("a", "ab", "b-a"), "forbid_whole_words": True},
    {"forbid": ("AB-", "a a"), "forbid_ignore_case": True, "min_length": 9, "length": 11},
    {"forbid": ("ba", "ab a"), "match": "[ab ]*(a|b-)", "min_length": 3, "length": 8},
    {"match": "(ab|b)* ?", "min_length": 2, "length": 4},
    {"min_length": 2, "length": 4},
]


@compiled()
def after(options, state, index):  # type: ignore[no-untyped-def]
    return next_state(kernels.ProcessorOptions(*options), state, index)


def processor_with(options: dict[str, Any]) -> LogitsProcessor:
    return build_logits_processor(
        SamplingSettings(**{"length": 5} | options),
        VOCABULARY,
        "",
        lambda pattern: RegexConstraint(pattern, VOCABULARY),
        ForbiddenStringsCache(VOCABULARY),
    )


@pytest.mark.parametrize("options", CASES)
def test_masks_and_states_are_those_of_the_processor(options: dict[str, Any]) -> None:
    processor = processor_with(options)
    automaton = processor.automaton
    states = np.arange(1 if automaton is None else automaton.distance_JQ.shape[1])
    batch = processor.initial_state.select(np.zeros(len(states), np.int64))
    batch.automaton_B = states
    packed = processor_options(processor)
    logits_V, processed_V = np.linspace(-2, 2, V, dtype=np.float32), np.empty(V, np.float32)
    masked = 0
    for position in range(processor.max_length):
        logits_BV = np.tile(logits_V, (len(states), 1))
        expected_BV = processor.process(logits_BV, position, batch)
        for state, expected_V in zip(states, expected_BV, strict=True):
            recent_W = batch.recent_BW[state]
            kernels.process(logits_V, processed_V, packed, position, state, recent_W)
            assert processed_V.tolist() == expected_V.tolist()
            masked += int(np.isneginf(processed_V).sum())
            for index in np.flatnonzero(processed_V > -np.inf).tolist():
                if index != EOS:
                    expected = processor.advance(
                        np.array([index]), batch.select(np.array([state]))
                    ).automaton_B[0]
                    assert after(tuple(packed), state, index) == expected
    assert masked > processor.max_length, "more than the unknown symbol"
