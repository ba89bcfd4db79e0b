"""The state of the decode loop, the NumPy decoder against the engine, and the decoder choice."""

import subprocess
import sys

import numpy as np
import pytest
from networks import make_vocabulary, markov_chain, random_tensors

from charloom.generation.decode_loop import (
    DecoderChoice,
    DecoderState,
    NumpyDecoder,
    PromptState,
    loading_pays,
)
from charloom.generation.logits_processor import build_logits_processor
from charloom.generation.regex_constraint import RegexConstraint
from charloom.network.engine import Engine
from charloom.randomness import uniform
from charloom.settings import NetworkSettings, SamplingSettings
from charloom.text.vocabulary import EOS

VOCABULARY = make_vocabulary("abc")
A, B, C = 2, 3, 4
# After <eos>, a or b; after a, the end or a; after b, always c; after c, always b.
PROBABILITIES = [
    [0.0, 0.0, 0.5, 0.5, 0.0],
    [1.0, 0.0, 0.0, 0.0, 0.0],
    [0.5, 0.0, 0.5, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 1.0],
    [0.0, 0.0, 0.0, 1.0, 0.0],
]


def no_regex(pattern: str) -> RegexConstraint:
    raise AssertionError(pattern)


def prompt_state(engine: Engine, prompt: str, settings: SamplingSettings) -> PromptState:
    ids = np.concatenate([[EOS], VOCABULARY.encode(prompt)])
    logits, state = NumpyDecoder(engine).prefill(ids, engine.initial_state(np.array([-1])))
    processor = build_logits_processor(settings, VOCABULARY, prompt, no_regex)
    return PromptState(
        prompt=prompt,
        settings=settings,
        processor=processor,
        logits_1V=logits,
        network_state=state,
    )


def by_hand(seed: int, steps: int) -> list[int]:
    """Sample ids from PROBABILITIES with plain loops, up to the boundary."""
    ids: list[int] = []
    while len(ids) < steps and (not ids or ids[-1] != EOS):
        row = PROBABILITIES[ids[-1] if ids else EOS]
        at = (np.array([seed], np.uint64), np.array([len(ids)], np.uint64))
        number = float(uniform(*at)[0])
        ids.append(int(np.argmax(np.cumsum(row) > number)))
    return ids


def test_a_block_has_the_ids_and_nats_of_plain_loops() -> None:
    engine, seeds, steps = markov_chain(PROBABILITIES), list(range(12)), 6
    start = prompt_state(engine, "", SamplingSettings(temperature=1.0))
    state = DecoderState.from_prompt(start, seeds)
    block = NumpyDecoder(engine).decode(state, steps, start.processor)
    expected = [by_hand(seed, steps) for seed in seeds]
    assert block.lengths_B.tolist() == [len(ids) for ids in expected]
    for row, ids in enumerate(expected):
        assert block.ids_BT[row, : len(ids)].tolist() == ids
        pairs = zip([EOS, *ids], ids, strict=False)
        nats = [-np.log(PROBABILITIES[before][after]) for before, after in pairs]
        assert block.nats_BT[row, : len(ids)] == pytest.approx(nats, abs=1e-6)
    active = [row for row, ids in enumerate(expected) if ids[-1] != EOS]
    assert 0 < len(active) < len(seeds), "some end, others do not"
    assert block.rows_B.tolist() == active
    assert block.state.seeds_B.tolist() == active
    assert block.state.position == steps


def test_blocks_continue_each_other_and_leave_their_state_unchanged() -> None:
    engine = markov_chain(PROBABILITIES)
    start = prompt_state(engine, "", SamplingSettings(temperature=1.0))
    decoder, first = NumpyDecoder(engine), DecoderState.from_prompt(start, [0, 1, 2, 3, 4])
    whole = decoder.decode(first, 8, start.processor)
    one = decoder.decode(first, 3, start.processor)
    two = decoder.decode(one.state, 5, start.processor)
    rows = [one.rows_B[row] for row in two.rows_B]
    assert rows == whole.rows_B.tolist()
    for row, original in zip(two.rows_B, rows, strict=True):
        ids = [*one.ids_BT[original].tolist(), *two.ids_BT[row].tolist()]
        assert ids == whole.ids_BT[original].tolist()
    assert decoder.decode(first, 8, start.processor).ids_BT.tolist() == whole.ids_BT.tolist()


def test_selected_sequences_continue_alone_as_beside_others() -> None:
    engine = markov_chain(PROBABILITIES)
    start = prompt_state(engine, "b", SamplingSettings(temperature=1.0))
    decoder = NumpyDecoder(engine)
    block = decoder.decode(DecoderState.from_prompt(start, [7, 8, 9]), 2, start.processor)
    together = decoder.decode(block.state, 4, start.processor)
    alone = decoder.decode(block.state.select(np.array([2, 0])), 4, start.processor)
    assert alone.ids_BT.tolist() == together.ids_BT[[2, 0]].tolist()


def engine_of(hidden: int) -> Engine:
    settings = NetworkSettings(hidden=hidden, input=3)
    return Engine(settings, random_tensors(settings, 20))


@pytest.mark.parametrize(
    ("hidden", "symbols", "pays"),
    [
        (5, 500, False),
        (5, 20_000, True),
        # 4 * 256**2 weights a symbol, of which NumPy multiplies 4e8 a second.
        (256, 500, False),
        (256, 2000, True),
        (5, 2**2000, True),
    ],
)
def test_loading_pays_from_a_second_of_work_for_numpy(
    hidden: int, symbols: int, pays: bool
) -> None:
    assert loading_pays(engine_of(hidden), symbols) is pays


CHOICE = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
from networks import random_tensors
from charloom.generation.decode_loop import DecoderChoice
from charloom.network.engine import Engine
from charloom.settings import NetworkSettings
settings = NetworkSettings(hidden=5, input=3)
choice = DecoderChoice(Engine(settings, random_tensors(settings, 20)))
for symbols in (1, 500, 10**6, 1):
    print(type(choice(symbols)).__name__, "numba" in sys.modules)
"""


def test_the_compiled_decoder_is_loaded_for_much_work_and_used_from_then_on() -> None:
    tests = next(path for path in sys.path if path.rstrip("/").endswith("tests"))
    script = CHOICE.format(tests=tests)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "NumpyDecoder False",
        "NumpyDecoder False",
        "CompiledDecoder True",
        "CompiledDecoder True",
    ]


def test_a_choice_keeps_its_compiled_decoder() -> None:
    choice = DecoderChoice(engine_of(5))
    assert choice(10**6) is choice(10**7)
