"""Sampled frequencies match the softmax, and ``<unk>`` is never sampled.

These are chi-square tests with fixed seeds, so their result never changes. LIMITS has a limit for
each number of degrees of freedom, which a correct sampler exceeds with a probability of 1 in a
million.
"""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, make_vocabulary, markov_chain, network_id, random_tensors

from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdef"
DRAWS = 20_000
LIMITS = {1: 23.928127, 2: 27.631021, 3: 30.664850, 4: 33.376842, 5: 35.888187, 6: 38.258336}
UNIGRAM = [0.0, 0.3, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02]  # <eos> has probability 0, <unk> 0.3


def chi_square(observed: Counter[str], probabilities: dict[str, float]) -> float:
    assert set(observed) <= set(probabilities)
    total = sum(observed.values())
    return sum((observed[s] - total * p) ** 2 / (total * p) for s, p in probabilities.items())


def scaled(probabilities: dict[str, float], temperature: float) -> dict[str, float]:
    """Return the probabilities of the given symbols at a temperature, normalized."""
    weights = {symbol: math.exp(math.log(p) / temperature) for symbol, p in probabilities.items()}
    return {symbol: weight / sum(weights.values()) for symbol, weight in weights.items()}


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.8, 100.0])
def test_symbols_of_one_text_match_the_softmax(temperature: float) -> None:
    generator = Generator(markov_chain([UNIGRAM] * 8), make_vocabulary(LETTERS))
    settings = SamplingSettings(temperature=temperature, length=DRAWS, seed=1)
    text = generator.generate("", settings)[0].text
    probabilities = scaled(dict(zip(LETTERS, UNIGRAM[2:], strict=True)), temperature)
    assert len(text) == DRAWS
    assert chi_square(Counter(text), probabilities) < LIMITS[5]


# Options, and the weight of each letter, computed by hand from UNIGRAM in the documented order:
# bias, temperature, top-k, top-p, min-p. At temperature 2 weights are square roots, at 0.5 squares.
OPTIONS: list[tuple[dict[str, Any], dict[str, float]]] = [
    ({"top_k": 3}, {"a": 30, "b": 20, "c": 10}),
    ({"top_p": 0.8}, {"a": 30, "b": 20, "c": 10}),
    ({"top_p": 0.7}, {"a": 30, "b": 20}),
    ({"min_p": 0.16}, {"a": 30, "b": 20, "c": 10, "d": 5}),
    (
        {"bias": {"a": -math.log(3), "f": math.log(10)}},
        {"a": 10, "b": 20, "c": 10, "d": 5, "e": 3, "f": 20},
    ),
    ({"bias": {"a": -math.inf, "c": math.log(3)}, "top_k": 3}, {"b": 20, "c": 30, "d": 5}),
    ({"temperature": 0.5, "top_p": 0.9}, {"a": 900, "b": 400}),
    ({"temperature": 0.5, "min_p": 0.1}, {"a": 900, "b": 400, "c": 100}),
    (
        {"temperature": 2.0, "top_k": 5, "min_p": 0.38},
        {"a": 30**0.5, "b": 20**0.5, "c": 10**0.5, "d": 5**0.5},
    ),
    ({"top_k": 3, "top_p": 0.8}, {"a": 30, "b": 20}),
    (
        {"bias": {"f": math.log(15)}, "temperature": 0.5, "top_k": 5, "top_p": 0.99, "min_p": 0.2},
        {"a": 900, "f": 900, "b": 400},
    ),
]


@pytest.mark.parametrize(("options", "weights"), OPTIONS)
def test_symbols_of_one_text_match_the_processed_probabilities(
    options: dict[str, Any], weights: dict[str, float]
) -> None:
    generator = Generator(markov_chain([UNIGRAM] * 8), make_vocabulary(LETTERS))
    settings = SamplingSettings(**{"temperature": 1.0, "length": DRAWS, "seed": 1} | options)
    observed = Counter(generator.generate("", settings)[0].text)
    probabilities = {letter: weight / sum(weights.values()) for letter, weight in weights.items()}
    assert chi_square(observed, probabilities) < LIMITS[len(weights) - 1]


def test_a_penalty_of_2_squares_the_probability_of_repeated_symbols() -> None:
    """The logits are logarithms of probabilities, so they are negative."""
    generator = Generator(markov_chain([UNIGRAM] * 8), make_vocabulary(LETTERS))
    settings = SamplingSettings(
        temperature=1.0, length=1, repetition_penalty=2.0, repetition_span=1, seed=1
    )
    generated = generator.generate("acéb", settings, n=DRAWS)
    weights = {"a": 0.09, "b": 0.04, "c": 0.01, "d": 0.05, "e": 0.03, "f": 0.02}
    probabilities = {letter: weight / sum(weights.values()) for letter, weight in weights.items()}
    assert chi_square(Counter(one.text[4:] for one in generated), probabilities) < LIMITS[5]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.8])
def test_first_symbols_of_many_texts_match_next(temperature: float) -> None:
    """With consecutive seeds."""
    settings = NetworkSettings(cell="lstm", hidden=8, input=4)
    engine = Engine(settings, random_tensors(settings, len(LETTERS) + 2, seed=5, scale=0.5))
    generator = Generator(engine, make_vocabulary(LETTERS))
    generated = generator.generate(
        "abc", SamplingSettings(temperature=temperature, length=1, seed=1000), n=DRAWS
    )
    observed = Counter(one.text[3:] or "<eos>" for one in generated)
    probabilities = scaled(dict(generator.next("abc")), temperature)
    assert chi_square(observed, probabilities) < LIMITS[6]


def test_neighbouring_symbols_are_independent() -> None:
    """Pairs in a text of two equally probable letters."""
    probabilities = [0.0, 0.0, 0.5, 0.5]
    generator = Generator(markov_chain([probabilities] * 4), make_vocabulary("ab"))
    text = generator.generate("", SamplingSettings(temperature=1.0, length=DRAWS))[0].text
    pairs = Counter(text[k : k + 2] for k in range(0, DRAWS, 2))
    assert chi_square(pairs, dict.fromkeys(("aa", "ab", "ba", "bb"), 0.25)) < LIMITS[3]


@pytest.mark.parametrize("temperature", [0.0, 0.01, 1.8, 100.0])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_the_unknown_symbol_is_never_sampled(settings: NetworkSettings, temperature: float) -> None:
    """Although the network predicts it with certainty."""
    tensors = random_tensors(settings, len(LETTERS) + 2, seed=2)
    tensors["output.bias"][:2] = -30, 30
    generator = Generator(Engine(settings, tensors), make_vocabulary(LETTERS))
    generated = generator.generate("", SamplingSettings(temperature=temperature, length=50), n=40)
    assert set("".join(one.text for one in generated)) <= set(LETTERS)
    assert np.mean([one.symbols for one in generated]) > 1


@pytest.mark.parametrize("temperature", [0.01, 100.0])
@pytest.mark.parametrize("settings", NETWORKS[1::4], ids=network_id)
@pytest.mark.parametrize(
    "options",
    [
        {"top_k": 1},
        {"top_k": 3, "top_p": 0.9},
        {"top_p": 1e-9},
        {"min_p": 0.0},
        {"min_p": 1.0},
        {"repetition_penalty": 0.01, "repetition_span": 1},
        {"repetition_penalty": 100.0, "repetition_span": 2},
        {"bias": {"a": -1e30, "b": -40.0}},
        {"bias": {**dict.fromkeys("abcde", -math.inf), "<eos>": -1e300}},
        {"min_length": 50},
        {"match": ".*", "min_length": 9},
    ],
    ids=str,
)
def test_the_unknown_symbol_is_never_sampled_with_other_options(
    settings: NetworkSettings, temperature: float, options: dict[str, Any]
) -> None:
    """Although the network predicts it with certainty and the prompt contains it."""
    tensors = random_tensors(settings, len(LETTERS) + 2, seed=2)
    tensors["output.bias"][:2] = -30, 30
    generator = Generator(Engine(settings, tensors), make_vocabulary(LETTERS))
    sampling = SamplingSettings(temperature=temperature, length=50, **options)
    generated = generator.generate("éaéé", sampling, n=30)
    assert set("".join(one.text[4:] for one in generated)) <= set(LETTERS)
    assert np.mean([one.symbols for one in generated]) > 1
