"""NumPy and compiled code give the same texts, bit for bit; both are close to the reference.

So a text depends on model, prompt, seed and settings alone: not on the engine, the batch, the
number of threads or the process.
"""

import dataclasses
import itertools
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from steerings import SAMPLING_CASES

from charloom.generation import compiled_decode, decode_loop
from charloom.generation import generator as generator_module
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.generation.logits_processor import NO_SYMBOL, LogitsProcessor, ProcessorState
from charloom.generation.sampling import Truncation, sample
from charloom.network.engine import Engine
from charloom.network.reference import Network
from charloom.settings import NetworkSettings, SamplingSettings
from charloom.text import vocabulary

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
PROMPT = "abéab"
"""With a symbol that the networks do not know."""
SOME = [
    next(one for one in NETWORKS if (one.cell, one.layers, one.input) == kind)
    for kind in (("lstm", 1, 3), ("gru", 2, "one-hot"), ("rnn", 3, 3))
]
"""Networks for what takes longer: each cell, each number of layers, and both kinds of input."""
THREADS = 8
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def generator(settings: NetworkSettings) -> Generator:
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    return Generator(Engine(settings, tensors), make_vocabulary(LETTERS), LABELS)


def drawn(
    settings: NetworkSettings, sampling: SamplingSettings, prompt: str, n: int
) -> list[GeneratedText]:
    return generator(settings).generate(prompt, sampling, n)


def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let NumPy do all."""
    monkeypatch.setattr(decode_loop, "compiled", lambda engine, symbols: None)
    monkeypatch.setattr(generator_module, "compiled", lambda engine, symbols: None)


def check_equal(compiled: list[GeneratedText], plain: list[GeneratedText]) -> None:
    for one, other in zip(compiled, plain, strict=True):
        assert dataclasses.replace(one, bits=0.0) == dataclasses.replace(other, bits=0.0)
        # The logarithm at the end is the C library's: its last bit may differ.
        assert one.bits == pytest.approx(other.bits, rel=1e-12, abs=1e-12)


@networks
@pytest.mark.parametrize("temperature", [0.0, 0.7, 2.0])
def test_numpy_equals_compiled(
    settings: NetworkSettings, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = SamplingSettings(
        temperature=temperature, seed=3, length=150, label="y", stop=("ab",)
    )
    compiled = drawn(settings, sampling, "abé", 37)
    plainly(monkeypatch)
    check_equal(compiled, drawn(settings, sampling, "abé", 37))
    if temperature == 2.0:
        assert {one.stopped for one in compiled} >= {"eos"}
        assert len({one.symbols for one in compiled}) > 3


@pytest.mark.parametrize("settings", SOME, ids=network_id)
@pytest.mark.parametrize("options", SAMPLING_CASES.values(), ids=SAMPLING_CASES)
def test_numpy_equals_compiled_however_steered(
    settings: NetworkSettings, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = SamplingSettings(seed=3, length=60, label="y", **options)
    compiled = drawn(settings, sampling, PROMPT, 20)
    free = drawn(settings, SamplingSettings(seed=3, length=60, label="y"), PROMPT, 20)
    assert [one.text for one in compiled] != [one.text for one in free], "it steers"
    streamed = "".join(generator(settings).stream(PROMPT, sampling))
    assert PROMPT + streamed == compiled[0].text
    plainly(monkeypatch)
    check_equal(compiled, drawn(settings, sampling, PROMPT, 20))
    assert "".join(generator(settings).stream(PROMPT, sampling, block=7)) == streamed


@networks
@pytest.mark.parametrize("way", ["all but stop", "all but match", "greedy, pressed"])
def test_numpy_equals_compiled_with_many_options_at_once(
    settings: NetworkSettings, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = SamplingSettings(seed=9, length=50, **SAMPLING_CASES[way])
    compiled = drawn(settings, sampling, PROMPT, 18)
    plainly(monkeypatch)
    check_equal(compiled, drawn(settings, sampling, PROMPT, 18))


# Few different logits, so that ties are frequent; more symbols than a sort takes in one run.
rows = st.one_of(
    [
        st.lists(st.sampled_from(values), min_size=2, max_size=70)
        for values in ([n / 8 for n in range(-80, 80)], [0.0, 1.5, -math.inf], [2.0])
    ]
).filter(lambda row: max(row) > -math.inf)


def steering_of(symbols: int, **fields: Any) -> LogitsProcessor:
    """Return a steering that does nothing but what the fields say."""
    nothing = ProcessorState(
        automaton_B=np.zeros(1, np.int64), recent_BW=np.empty((1, 0), np.int64)
    )
    rest: dict[str, Any] = {
        "truncation": Truncation(),
        "bias_V": np.zeros(symbols, np.float32),
        "length": 50,
        "first": nothing,
    }
    return LogitsProcessor(**rest | fields)


@examples(max_examples=400)
@given(
    logits=rows,
    temperature=st.one_of(st.sampled_from([0.0, 1e-300, 1e300]), st.floats(0.01, 20)),
    top_k=st.one_of(st.none(), st.integers(1, 80)),
    top_p=st.one_of(st.sampled_from([0.25, 0.5, 1.0]), st.floats(1e-9, 1)),
    min_p=st.one_of(st.just(0.0), st.floats(0, 1)),
    number=st.one_of(st.just(0.0), st.just(1 - 2.0**-53), st.floats(0, 1, exclude_max=True)),
)
def test_each_choice_is_the_same(
    logits: list[float],
    temperature: float,
    top_k: int | None,
    top_p: float,
    min_p: float,
    number: float,
) -> None:
    truncation = Truncation(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    steering = decode_loop._steering(steering_of(len(logits), truncation=truncation))
    logits_V, room_V = np.array(logits, np.float32), np.empty(len(logits), np.float32)
    chosen = compiled_decode.choose(logits_V, room_V, steering, number)
    assert chosen == sample(logits_V[None], truncation, np.array([number]))[0]
    assert logits[chosen] > -math.inf


@given(
    recent=st.lists(st.sampled_from([2, 2, 3, 4]), max_size=30),
    span=st.integers(1, 5),
    penalty=st.sampled_from([1e-30, 0.5, 1.3, 1e30]),
    biases=st.lists(st.sampled_from([0.0, 0.1, -3.7, 1e30, -math.inf]), min_size=6, max_size=6),
    logits=st.lists(st.floats(-30, 30, width=32), min_size=6, max_size=6),
    minimum=st.integers(0, 6),
    position=st.integers(0, 6),
)
def test_each_penalty_bias_and_minimum_is_the_same(
    recent: list[int],
    span: int,
    penalty: float,
    biases: list[float],
    logits: list[float],
    minimum: int,
    position: int,
) -> None:
    recent_W = np.array([NO_SYMBOL] * (32 - len(recent)) + recent)
    steering = steering_of(
        6,
        bias_V=np.array(biases, np.float32),
        minimum=minimum,
        penalty=np.float32(penalty),
        span=span,
    )
    memory = ProcessorState(automaton_B=np.zeros(1, np.int64), recent_BW=recent_W[None])
    logits_V, adjusted_V = np.array(logits, np.float32), np.empty(6, np.float32)
    compiled_decode.adjust(
        logits_V, adjusted_V, decode_loop._steering(steering), position, 0, recent_W, vocabulary.EOS
    )
    assert adjusted_V.tolist() == steering.process(logits_V[None], position, memory)[0].tolist()


@networks
def test_compiled_batches_equal_single_texts(settings: NetworkSettings) -> None:
    assert compiled_decode.__name__ in sys.modules, "loaded, so these texts are compiled ones"
    sampling = SamplingSettings(temperature=1.0, seed=50, length=130)
    together = drawn(settings, sampling, "a", 41)
    for k in (0, 15, 16, 40):
        alone = dataclasses.replace(sampling, seed=50 + k)
        assert together[k] == drawn(settings, alone, "a", 1)[0]
        pieces = generator(settings).stream("a", alone)
        assert together[k].text == "a" + "".join(pieces)


@networks
def test_logits_are_those_of_the_reference(settings: NetworkSettings) -> None:
    """Over 300 symbols of a text, within the rounding of float32."""
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.3)
    engine, reference = Engine(settings, tensors), Network(settings, tensors)
    labels = np.array([1, -1])
    state, exact = engine.initial_state(labels), reference.initial_state(labels)
    for ids in np.random.default_rng(0).integers(0, len(LETTERS) + 2, (300, 2)):
        logits, state = engine.step(ids, state)
        expected, exact = reference.step(ids, exact)
        assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


def test_compiled_code_is_loaded_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few short texts, as a person asks for them, wait for no compiler; many do."""
    asked: list[int] = []
    monkeypatch.setattr(generator_module, "compiled", lambda engine, symbols: asked.append(symbols))
    settings = NetworkSettings(hidden=5, input=3)
    for n in (1, 8, 1000):
        drawn(settings, SamplingSettings(length=20), "", n)
    assert asked == [20, 20, 63 * 20]
    monkeypatch.delitem(sys.modules, compiled_decode.__name__)
    large = Engine(
        NetworkSettings(hidden=256, input=3),
        random_tensors(NetworkSettings(hidden=256, input=3), 20),
    )
    assert decode_loop.compiled(large, 500) is None


def asked(seed: int) -> list[tuple[str, SamplingSettings]]:
    """Prompts and settings of one thread: other ones for each, but the same in every run."""
    ways = list(SAMPLING_CASES.values())
    return [
        (
            PROMPT[: (seed + k) % 6],
            SamplingSettings(seed=1000 * seed + k, length=40, label=LABELS[k % 2], **ways[k]),
        )
        for k in range(seed % 3, len(ways), 3)
    ]


def interleaved(generator: Generator, seed: int) -> list[str]:
    """Read several streams in turns, a piece of each; every other one is left after four."""
    streams: list[Iterator[str]] = [
        itertools.islice(generator.stream(prompt, settings), 4 if k % 2 else None)
        for k, (prompt, settings) in enumerate(asked(seed))
    ]
    texts = [""] * len(streams)
    for pieces in itertools.zip_longest(*streams, fillvalue=""):
        texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
    return texts


@pytest.mark.parametrize("plain", [True, False], ids=["numpy", "compiled"])
def test_threads_do_not_disturb_each_other(plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight at once on one generator, whole texts and streams of many settings and seeds."""
    if plain:
        plainly(monkeypatch)

    def work(generator: Generator, seed: int) -> list[Any]:
        whole = [generator.generate(prompt, settings, 20) for prompt, settings in asked(seed)]
        return [interleaved(generator, seed), whole, generator.next("ab", "x")]

    alone = [work(generator(SOME[1]), seed) for seed in range(THREADS)]
    shared, together = generator(SOME[1]), Barrier(THREADS)

    def begin(seed: int) -> list[Any]:
        together.wait(timeout=60)
        return work(shared, seed)

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(begin, range(THREADS))) == alone
    for seed, (pieces, whole, _) in enumerate(alone):
        for k, (text, (prompt, _)) in enumerate(zip(pieces, asked(seed), strict=True)):
            assert whole[k][0].text.startswith(prompt + text)
            assert k % 2 or whole[k][0].text == prompt + text


def test_a_stream_can_be_read_on_by_another_thread() -> None:
    sampling = SamplingSettings(seed=5, length=40, bias={"<eos>": -math.inf})
    stream = generator(SOME[0]).stream("ab", sampling)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        pieces = [pool.submit(next, stream).result() for pool in [one, other] * 20]
    assert "".join(pieces) == "".join(generator(SOME[0]).stream("ab", sampling))


LONG = 1_200_000


def test_a_prompt_of_more_than_a_million_characters() -> None:
    """It is read through the state: at once, in pieces, and by NumPy at its end, all the same."""
    numbers = np.random.default_rng(3).integers(0, len(LETTERS) + 1, LONG)
    prompt = "".join(map((LETTERS + "é").__getitem__, numbers.tolist()))
    made = generator(SOME[0])
    engine, ids = made._engine, make_vocabulary(LETTERS).encode(prompt)
    begun = engine.advance(np.array([vocabulary.EOS]), engine.initial_state(np.array([-1])))
    whole, _ = decode_loop.prefill(engine, ids, begun)
    state = begun
    for piece in np.split(ids, 1000):
        in_pieces, state = decode_loop.prefill(engine, piece, state)
    _, state = decode_loop.prefill(engine, ids[:-300], begun)
    for one in ids[-300:]:
        at_the_end, state = engine.step(np.array([one]), state)
    assert whole.tolist() == in_pieces.tolist() == at_the_end.tolist()
    weights = np.exp(whole[0].astype(np.float64))
    chances = dict(made.next(prompt))
    expected = (weights / weights.sum()).tolist()[2:]
    assert [chances[letter] for letter in LETTERS] == pytest.approx(expected)
    sampling = SamplingSettings(length=30, repetition_penalty=1.3, repetition_span=2, stop=("b",))
    text = made.generate(prompt, sampling)[0].text
    assert text == prompt + "".join(made.stream(prompt, sampling))
    assert len(text) > LONG
