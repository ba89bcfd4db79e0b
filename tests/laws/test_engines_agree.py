"""Both decoders return the same texts; their logits are near those of the reference.

So a text depends only on the model, the prompt, the seed and the settings, not on the decoder, the
batch or the number of threads.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from decoders import MakeDecoder, each_decoder, generator_with
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from sampling_cases import SAMPLING_CASES
from soak import example_count

from charloom.generation import decode_kernels
from charloom.generation.compiled_decode import (
    CompiledDecoder,
    processor_options,
    sampling_options,
)
from charloom.generation.decode_loop import Decoder, NumpyDecoder
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.generation.logits_processor import NO_SYMBOL, LogitsProcessor, ProcessorState
from charloom.generation.sampling import Truncation, sample
from charloom.network.engine import Engine
from charloom.network.reference import Network
from charloom.settings import NetworkSettings, SamplingSettings
from charloom.text.vocabulary import EOS

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
PROMPT = "abéab"
"""Contains a symbol that the vocabulary lacks."""
SOME = [
    next(one for one in NETWORKS if (one.cell, one.layers, one.input) == kind)
    for kind in (("lstm", 1, 3), ("gru", 2, "one-hot"), ("rnn", 3, 3))
]
"""Networks for slower tests: each cell, each number of layers and both kinds of input."""
THREADS = 8
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def generator(settings: NetworkSettings, make_decoder: MakeDecoder = CompiledDecoder) -> Generator:
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    engine = Engine(settings, tensors)
    return generator_with(make_decoder, engine, make_vocabulary(LETTERS), LABELS)


def check_equal(
    settings: NetworkSettings, sampling: SamplingSettings, prompt: str, n: int
) -> list[GeneratedText]:
    """Check that both decoders generate the same texts; return them."""
    compiled, numpy = (
        generator(settings, make_decoder).generate(prompt, sampling, n)
        for make_decoder in (CompiledDecoder, NumpyDecoder)
    )
    for one, other in zip(compiled, numpy, strict=True):
        assert dataclasses.replace(one, bits=0.0) == dataclasses.replace(other, bits=0.0)
        # The final logarithm is that of the C library: its last bit may differ.
        assert one.bits == pytest.approx(other.bits, rel=1e-12, abs=1e-12)
    return compiled


@networks
@pytest.mark.parametrize("temperature", [0.0, 0.7, 2.0])
def test_numpy_equals_compiled(settings: NetworkSettings, temperature: float) -> None:
    sampling = SamplingSettings(
        temperature=temperature, seed=3, length=150, label="y", stop=("ab",)
    )
    texts = check_equal(settings, sampling, "abé", 37)
    if temperature == 2.0:
        assert {text.stopped for text in texts} >= {"eos"}
        assert len({text.symbols for text in texts}) > 3


@pytest.mark.parametrize("settings", SOME, ids=network_id)
@pytest.mark.parametrize("options", SAMPLING_CASES.values(), ids=SAMPLING_CASES)
def test_numpy_equals_compiled_with_all_options(
    settings: NetworkSettings, options: dict[str, Any]
) -> None:
    sampling = SamplingSettings(seed=3, length=60, label="y", **options)
    texts = check_equal(settings, sampling, PROMPT, 20)
    defaults = SamplingSettings(seed=3, length=60, label="y")
    without = generator(settings).generate(PROMPT, defaults, 20)
    assert [text.text for text in texts] != [text.text for text in without], "it has an effect"
    streamed = "".join(generator(settings).stream(PROMPT, sampling))
    assert PROMPT + streamed == texts[0].text
    numpy = generator(settings, NumpyDecoder)
    assert "".join(numpy.stream(PROMPT, sampling, block=7)) == streamed


@networks
@pytest.mark.parametrize("case", ["all but stop", "all but match", "greedy, penalized"])
def test_numpy_equals_compiled_with_many_options_at_once(
    settings: NetworkSettings, case: str
) -> None:
    check_equal(settings, SamplingSettings(seed=9, length=50, **SAMPLING_CASES[case]), PROMPT, 18)


# Few distinct logits, so that ties are frequent; more symbols than one run of a merge sort.
rows = st.one_of(
    [
        st.lists(st.sampled_from(values), min_size=2, max_size=70)
        for values in ([n / 8 for n in range(-80, 80)], [0.0, 1.5, -math.inf], [2.0])
    ]
).filter(lambda row: max(row) > -math.inf)


def processor_with(symbols: int, **fields: Any) -> LogitsProcessor:
    """Return a processor that changes no logits, but for the given fields."""
    zeros_1, recent_1W = np.zeros(1, np.int64), np.empty((1, 0), np.int64)
    rest: dict[str, Any] = {
        "truncation": Truncation(),
        "bias_V": np.zeros(symbols, np.float32),
        "max_length": 50,
        "initial_state": ProcessorState(automaton_B=zeros_1, recent_BW=recent_1W),
    }
    return LogitsProcessor(**rest | fields)


@examples(max_examples=example_count(400))
@given(
    logits=rows,
    temperature=st.one_of(st.sampled_from([0.0, 1e-300, 1e300]), st.floats(0.01, 20)),
    top_k=st.one_of(st.none(), st.integers(1, 80)),
    top_p=st.one_of(st.sampled_from([0.25, 0.5, 1.0]), st.floats(1e-9, 1)),
    min_p=st.one_of(st.just(0.0), st.floats(0, 1)),
    number=st.one_of(st.just(0.0), st.just(1 - 2.0**-53), st.floats(0, 1, exclude_max=True)),
)
def test_each_sampled_symbol_is_the_same(
    logits: list[float],
    temperature: float,
    top_k: int | None,
    top_p: float,
    min_p: float,
    number: float,
) -> None:
    truncation = Truncation(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    options = sampling_options(truncation, len(logits))
    logits_V, weights_V = np.array(logits, np.float32), np.empty(len(logits), np.float32)
    index = decode_kernels.sample(logits_V, weights_V, options, number)
    assert index == sample(logits_V[None], truncation, np.array([number]))[0]
    assert logits[index] > -math.inf


@given(
    recent=st.lists(st.sampled_from([2, 2, 3, 4]), max_size=30),
    span=st.integers(1, 5),
    penalty=st.sampled_from([1e-30, 0.5, 1.3, 1e30]),
    biases=st.lists(st.sampled_from([0.0, 0.1, -3.7, 1e30, -math.inf]), min_size=6, max_size=6),
    logits=st.lists(st.floats(-30, 30, width=32), min_size=6, max_size=6),
    min_length=st.integers(0, 6),
    position=st.integers(0, 6),
)
def test_penalty_bias_and_minimum_length_give_the_same_logits(
    recent: list[int],
    span: int,
    penalty: float,
    biases: list[float],
    logits: list[float],
    min_length: int,
    position: int,
) -> None:
    recent_W = np.array([NO_SYMBOL] * (32 - len(recent)) + recent)
    processor = processor_with(
        6,
        bias_V=np.array(biases, np.float32),
        min_length=min_length,
        repetition_penalty=np.float32(penalty),
        repetition_span=span,
    )
    state = ProcessorState(automaton_B=np.zeros(1, np.int64), recent_BW=recent_W[None])
    logits_V, processed_V = np.array(logits, np.float32), np.empty(6, np.float32)
    options = processor_options(processor)
    decode_kernels.process(logits_V, processed_V, options, position, 0, recent_W)
    assert processed_V.tolist() == processor.process(logits_V[None], position, state)[0].tolist()


@networks
def test_compiled_batches_equal_single_texts(settings: NetworkSettings) -> None:
    sampling = SamplingSettings(temperature=1.0, seed=50, length=130)
    together = generator(settings).generate("a", sampling, 41)
    for k in (0, 15, 16, 40):
        alone = dataclasses.replace(sampling, seed=50 + k)
        assert together[k] == generator(settings).generate("a", alone)[0]
        pieces = generator(settings).stream("a", alone)
        assert together[k].text == "a" + "".join(pieces)


@networks
def test_logits_are_those_of_the_reference(settings: NetworkSettings) -> None:
    """Over 300 symbols, within the rounding of float32."""
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.3)
    engine, reference = Engine(settings, tensors), Network(settings, tensors)
    labels = np.array([1, -1])
    state, exact = engine.initial_state(labels), reference.initial_state(labels)
    for ids in np.random.default_rng(0).integers(0, len(LETTERS) + 2, (300, 2)):
        logits, state = engine.step(ids, state)
        expected, exact = reference.step(ids, exact)
        assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(("n", "symbols"), [(1, 25), (8, 25), (16, 25), (17, 45), (1000, 1265)])
def test_the_decoder_is_chosen_by_the_symbols_of_the_prompt_and_of_a_batch(
    n: int, symbols: int
) -> None:
    """After a prompt of 5 symbols, 16 texts of 20 symbols count as one: 5 + 20 symbols."""
    asked: list[int] = []
    engine = Engine(SOME[0], random_tensors(SOME[0], len(LETTERS) + 2))

    def choose_decoder(symbols: int) -> Decoder:
        asked.append(symbols)
        return NumpyDecoder(engine)

    made = Generator(engine, make_vocabulary(LETTERS), choose_decoder=choose_decoder)
    made.generate(PROMPT, SamplingSettings(length=20), n)
    assert asked == [symbols]


def asked(seed: int) -> list[tuple[str, SamplingSettings]]:
    """Return the prompts and settings of one thread; they differ between threads."""
    cases = list(SAMPLING_CASES.values())
    return [
        (
            PROMPT[: (seed + k) % 6],
            SamplingSettings(seed=1000 * seed + k, length=40, label=LABELS[k % 2], **cases[k]),
        )
        for k in range(seed % 3, len(cases), 3)
    ]


def interleaved(generator: Generator, seed: int) -> list[str]:
    """Read a piece of each stream in turn; drop every other stream after four pieces."""
    streams: list[Iterator[str]] = [
        itertools.islice(generator.stream(prompt, settings), 4 if k % 2 else None)
        for k, (prompt, settings) in enumerate(asked(seed))
    ]
    texts = [""] * len(streams)
    for pieces in itertools.zip_longest(*streams, fillvalue=""):
        texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
    return texts


@each_decoder
def test_threads_that_share_a_generator_get_the_same_texts(make_decoder: MakeDecoder) -> None:
    """Whole texts and streams, of many settings and seeds."""

    def work(generator: Generator, seed: int) -> list[Any]:
        whole = [generator.generate(prompt, settings, 20) for prompt, settings in asked(seed)]
        return [interleaved(generator, seed), whole, generator.next("ab", "x")]

    alone = [work(generator(SOME[1], make_decoder), seed) for seed in range(THREADS)]
    shared, together = generator(SOME[1], make_decoder), Barrier(THREADS)

    def begin(seed: int) -> list[Any]:
        together.wait(timeout=60)
        return work(shared, seed)

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(begin, range(THREADS))) == alone
    for seed, (pieces, whole, _) in enumerate(alone):
        for k, (text, (prompt, _)) in enumerate(zip(pieces, asked(seed), strict=True)):
            assert whole[k][0].text.startswith(prompt + text)
            assert k % 2 or whole[k][0].text == prompt + text


def test_a_stream_may_be_read_by_several_threads_in_turn() -> None:
    sampling = SamplingSettings(seed=5, length=40, bias={"<eos>": -math.inf})
    stream = generator(SOME[0]).stream("ab", sampling)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        pieces = [pool.submit(next, stream).result() for pool in [one, other] * 20]
    assert "".join(pieces) == "".join(generator(SOME[0]).stream("ab", sampling))


LONG = 1_200_000


def test_a_prompt_of_more_than_a_million_characters_is_read_the_same_in_pieces() -> None:
    """In one call, in pieces, and with its last 300 symbols read by NumPy."""
    numbers = np.random.default_rng(3).integers(0, len(LETTERS) + 1, LONG)
    prompt = "".join(map((LETTERS + "é").__getitem__, numbers.tolist()))
    made = generator(SOME[0])
    tensors = random_tensors(SOME[0], len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    engine, ids = Engine(SOME[0], tensors), make_vocabulary(LETTERS).encode(prompt)
    decoder = CompiledDecoder(engine)
    start = engine.advance(np.array([EOS]), engine.initial_state(np.array([-1])))
    whole, _ = decoder.prefill(ids, start)
    state = start
    for piece in np.split(ids, 1000):
        in_pieces, state = decoder.prefill(piece, state)
    _, state = decoder.prefill(ids[:-300], start)
    for one in ids[-300:]:
        at_the_end, state = engine.step(np.array([one]), state)
    assert whole.tolist() == in_pieces.tolist() == at_the_end.tolist()
    weights = np.exp(whole[0].astype(np.float64))
    probabilities = dict(made.next(prompt))
    expected = (weights / weights.sum()).tolist()[2:]
    assert [probabilities[letter] for letter in LETTERS] == pytest.approx(expected)
    sampling = SamplingSettings(length=30, repetition_penalty=1.3, repetition_span=2, stop=("b",))
    text = made.generate(prompt, sampling)[0].text
    assert text == prompt + "".join(made.stream(prompt, sampling))
    assert len(text) > LONG
