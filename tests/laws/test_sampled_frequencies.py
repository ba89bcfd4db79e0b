"""What is sampled is distributed as the softmax says, and ``<unk>`` never comes.

Chi-square tests with fixed seeds, so they cannot turn by chance. LIMITS has, for the degrees of
freedom, the value that a perfect sampler exceeds with odds of 1 in a million.
"""

import math
from collections import Counter

import numpy as np
import pytest
from networks import NETWORKS, markov_chain, name, random_tensors, vocabulary_of

from charloom.generation.engine import Engine
from charloom.generation.generator import Generator
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdef"
DRAWS = 20_000
LIMITS = {3: 30.664850, 5: 35.888187, 6: 38.258336}
UNIGRAM = [0.0, 0.3, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02]  # never ends; <unk> is among the likeliest


def chi_square(observed: Counter[str], chances: dict[str, float]) -> float:
    assert set(observed) <= set(chances)
    total = sum(observed.values())
    return sum((observed[s] - total * p) ** 2 / (total * p) for s, p in chances.items())


def scaled(chances: dict[str, float], temperature: float) -> dict[str, float]:
    """The chances at a temperature, shared among the symbols given."""
    weights = {symbol: math.exp(math.log(p) / temperature) for symbol, p in chances.items()}
    return {symbol: weight / sum(weights.values()) for symbol, weight in weights.items()}


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.8, 100.0])
def test_symbols_of_one_text(temperature: float) -> None:
    generator = Generator(markov_chain([UNIGRAM] * 8), vocabulary_of(LETTERS))
    settings = SamplingSettings(temperature=temperature, length=DRAWS, seed=1)
    text = generator.generate("", settings)[0].text
    chances = scaled(dict(zip(LETTERS, UNIGRAM[2:], strict=True)), temperature)
    assert len(text) == DRAWS
    assert chi_square(Counter(text), chances) < LIMITS[5]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.8])
def test_first_symbols_of_many_texts(temperature: float) -> None:
    """The seeds are neighbours, and the chances are what ``next`` says."""
    settings = NetworkSettings(cell="lstm", hidden=8, input=4)
    engine = Engine(settings, random_tensors(settings, len(LETTERS) + 2, seed=5, scale=0.5))
    generator = Generator(engine, vocabulary_of(LETTERS))
    drawn = generator.generate(
        "abc", SamplingSettings(temperature=temperature, length=1, seed=1000), n=DRAWS
    )
    observed = Counter(one.text[3:] or "<eos>" for one in drawn)
    chances = scaled(dict(generator.next("abc")), temperature)
    assert chi_square(observed, chances) < LIMITS[6]


def test_neighbouring_symbols_are_independent() -> None:
    """Pairs in a text of two equally likely letters."""
    chances = [0.0, 0.0, 0.5, 0.5]
    generator = Generator(markov_chain([chances] * 4), vocabulary_of("ab"))
    text = generator.generate("", SamplingSettings(temperature=1.0, length=DRAWS))[0].text
    pairs = Counter(text[k : k + 2] for k in range(0, DRAWS, 2))
    assert chi_square(pairs, dict.fromkeys(("aa", "ab", "ba", "bb"), 0.25)) < LIMITS[3]


@pytest.mark.parametrize("temperature", [0.0, 0.01, 1.8, 100.0])
@pytest.mark.parametrize("settings", NETWORKS, ids=name)
def test_the_unknown_symbol_never_comes(settings: NetworkSettings, temperature: float) -> None:
    """Not even where the network is sure of it."""
    tensors = random_tensors(settings, len(LETTERS) + 2, seed=2)
    tensors["output.bias"][:2] = -30, 30
    generator = Generator(Engine(settings, tensors), vocabulary_of(LETTERS))
    drawn = generator.generate("", SamplingSettings(temperature=temperature, length=50), n=40)
    assert set("".join(one.text for one in drawn)) <= set(LETTERS)
    assert np.mean([one.symbols for one in drawn]) > 1
