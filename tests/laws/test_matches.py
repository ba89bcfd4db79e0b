"""Every text generated with ``match`` matches as a whole, whatever the network predicts.

The texts of both decoders, at all levels and several temperatures, are checked with Python's
``re.fullmatch``. Chi-square tests check that allowed symbols have the probabilities of the network.
Their seeds are fixed; a correct sampler exceeds LIMITS with a probability of 1 in a million.
"""

import dataclasses
import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from decoders import MakeDecoder, each_decoder, generator_with
from networks import GATES, NETWORKS, make_vocabulary, markov_chain, network_id, random_tensors

from charloom.errors import SettingsError
from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.settings import Level, NetworkSettings, SamplingSettings
from charloom.text.symbols import BYTES
from charloom.text.vocabulary import Vocabulary

LABELS = ("x", "y")
LETTERS = [*"abcdefghijklmnopqrstuvwxyzKLM", " ", "é", "日", "\n"]
WORDS = ["Kira", "Anna", "a", " ", "met", "saw", ".", "Ka", "日", "ina", "and", "na"]
CLUSTERS = ["K", "a", "e\u0301", "🇫🇷", "n", "👩‍👩‍👧", " ", "\r\n", "o\u0308"]
SYMBOLS: dict[Level, list[str]] = {
    "char": LETTERS,
    "byte": list(BYTES),
    "grapheme": CLUSTERS,
    "word": WORDS,
}
# Level, expression (with the same meaning in Python), prompt, minimum and maximum symbols.
CASES: list[tuple[Level, str, str, int, int]] = [
    ("char", "K[a-z]{4,6}a", "", 0, 8),
    ("char", "K[a-z]{4,6}a", "Kl", 0, 100),
    ("char", "K[a-z]{4,6}a", "", 8, 8),
    ("char", "(a|ab|abc)(c|bcd)?", "", 2, 6),
    ("char", "[a-c]*?(日x|é日+)", "ab", 3, 9),
    ("char", "Ω.{3}[^a-z]*(K|$)", "Ω", 0, 20),
    ("char", r"(\w+ ){2,}\w+", "", 10, 30),
    ("char", r"(?s).*\n\n.*K", "x\n", 20, 24),
    ("char", "[a-zé]{30}|[a-k]+K", "", 25, 30),
    ("byte", "(é|日|[a-f])+😀", "", 9, 24),
    ("byte", "[^a-e]{2,9}.", "日", 5, 12),
    ("byte", "[^a-z]{3}", "", 0, 12),
    ("grapheme", "(Ka?|🇫🇷|👩‍👩‍👧)*(ne\u0301)+", "", 3, 15),
    ("grapheme", "K.{5,9}[^\u0301a]", "Ka", 0, 7),
    ("word", r"(Kira|Anna)( (met|saw|and) [A-Z]\w+a)+\.", "", 5, 25),
    ("word", "Kin*a[ .]*", "K", 3, 9),
    ("word", "K[a-z]{4,6}a", "", 0, 6),
]
cases = pytest.mark.parametrize(("level", "pattern", "prompt", "least", "most"), CASES)


def network_of(level: Level, settings: NetworkSettings, scale: float) -> tuple[Engine, Vocabulary]:
    """Return a random network; a large scale makes it certain of symbols that rarely match."""
    vocabulary = make_vocabulary(SYMBOLS[level], level)
    tensors = random_tensors(settings, len(vocabulary), len(LABELS), seed=6, scale=scale)
    return Engine(settings, tensors), vocabulary


def both(
    engine: Engine, vocabulary: Vocabulary, prompt: str, settings: SamplingSettings, n: int
) -> list[GeneratedText]:
    """Return the texts of both decoders, which must be equal but for rounding of their bits."""
    compiled, numpy = (
        [
            dataclasses.replace(text, bits=0.0)
            for text in generator_with(make, engine, vocabulary, LABELS).generate(
                prompt, settings, n
            )
        ]
        for make in (CompiledDecoder, NumpyDecoder)
    )
    assert compiled == numpy
    return compiled


@cases
@pytest.mark.parametrize("temperature", [0.0, 0.7, 100.0])
def test_every_text_matches(
    level: Level, pattern: str, prompt: str, least: int, most: int, temperature: float
) -> None:
    settings = SamplingSettings(
        temperature=temperature, match=pattern, min_length=least, length=most, label="y", seed=9
    )
    for cell, scale in zip(GATES, (0.3, 3.0, 30.0), strict=True):
        network = NetworkSettings(cell=cell, hidden=5, input=3)
        texts = both(*network_of(level, network, scale), prompt, settings, 21)
        for text in texts:
            assert re.fullmatch(pattern, text.text), text
            assert text.text.startswith(prompt)
            assert least <= text.symbols - (text.stopped == "eos") <= most
            assert text.stopped in ("eos", "length")
    if temperature == 100:
        assert len({text.text for text in texts}) > 2


@pytest.mark.parametrize("network", NETWORKS, ids=network_id)
@pytest.mark.parametrize("biased", ["<eos>", "<unk>", "q"])
def test_a_certain_network_cannot_break_the_match(network: NetworkSettings, biased: str) -> None:
    """Without the match, it would always end or always write the same symbol."""
    vocabulary = make_vocabulary(LETTERS)
    tensors = random_tensors(network, len(vocabulary), seed=1)
    tensors["output.bias"][vocabulary.symbols.index(biased)] = 1e4
    engine = Engine(network, tensors)
    pattern = "K[a-p]{4,6}a( (L|M)[a-p]*)?"
    for temperature in (0.0, 0.7):
        settings = SamplingSettings(temperature=temperature, match=pattern, length=15, seed=2)
        texts = both(engine, vocabulary, "", settings, 18)
        assert all(re.fullmatch(pattern, text.text) for text in texts)


def test_texts_match_with_other_options_and_in_blocks_of_any_size() -> None:
    engine, vocabulary = network_of("char", NetworkSettings(hidden=5, input=3), 2.0)
    one = Generator(engine, vocabulary, LABELS)
    pattern = "(K[a-z]{2,9}a,? ?){2,}"
    with pytest.raises(SettingsError, match="no match of"):
        one.generate("", SamplingSettings(match="(K[a-z]{2,9}a, ){2,}"))
    changed: list[dict[str, Any]] = [
        {"top_k": 1},
        {"top_p": 0.1},
        {"min_p": 0.9, "repetition_penalty": 3.0, "repetition_span": 1},
        {"bias": {"q": 50.0, "a": -50.0, "b": -math.inf}, "repetition_penalty": 0.2},
    ]
    for changes in changed:
        settings = SamplingSettings(match=pattern, min_length=30, length=80, **changes)
        texts = both(engine, vocabulary, "Ka", settings, 20)
        assert all(re.fullmatch(pattern, text.text) for text in texts)
        for block in (1, 7):
            pieces = one.stream("Ka", settings, block)
            assert "Ka" + "".join(pieces) == texts[0].text
    assert all("b" not in text.text and "q" in text.text for text in texts)


def test_names_from_k_to_a_have_all_lengths_and_hardly_repeat() -> None:
    """Six to eight letters, from a random network."""
    one = Generator(*network_of("char", NetworkSettings(hidden=5, input=3), 0.3))
    names = one.generate("", SamplingSettings(match="K[a-z]{4,6}a", temperature=1.0), n=200)
    assert {len(text.text) for text in names} == {6, 7, 8}
    assert all(text.text[0] == "K" and text.text[-1] == "a" for text in names)
    assert len({text.text for text in names}) > 190


def test_a_prompt_that_cannot_be_continued_is_the_whole_text() -> None:
    one = Generator(*network_of("char", NetworkSettings(hidden=5, input=3), 1.0))
    for text in one.generate("Kira", SamplingSettings(match="K[a-z]{2}a"), n=3):
        assert (text.text, text.stopped, text.symbols) == ("Kira", "eos", 1)


LIMITS = {2: 27.631021, 3: 30.664850, 7: 40.521831}
DRAWS = 20_000
UNIGRAM = [0.05, 0.3, 0.25, 0.2, 0.1, 0.05, 0.03, 0.02]  # of <eos>, <unk> and the letters a to f


def chi_square(observed: Counter[str], weights: dict[str, float]) -> float:
    assert set(observed) <= set(weights)
    total, weight = sum(observed.values()), sum(weights.values())
    expected = {text: total * w / weight for text, w in weights.items()}
    return sum((observed[text] - e) ** 2 / e for text, e in expected.items())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.8, 100.0])
def test_allowed_symbols_have_the_probabilities_of_the_network(temperature: float) -> None:
    one = Generator(markov_chain([UNIGRAM] * 8), make_vocabulary("abcdef"))
    p = dict(zip(["", "?", *"abcdef"], np.array(UNIGRAM) ** (1 / temperature), strict=True))

    def sampled(pattern: str, length: int, **options: Any) -> Counter[str]:
        settings = SamplingSettings(
            match=pattern, temperature=temperature, length=length, seed=77, **options
        )
        return Counter(text.text for text in one.generate("", settings, n=DRAWS))

    assert chi_square(sampled("[ace]", 1), {s: p[s] for s in "ace"}) < LIMITS[2]
    # The second symbol may not be b: three more would be needed, and one is left.
    endings = {"aa": p["a"], "ac": p["c"], "ad": p["d"], "a": p[""]}
    assert chi_square(sampled("a(a|c|bddd|d?)", 3), endings) < LIMITS[3]
    # Three letters in a row, each with its own probabilities.
    pairs = {x + y + z: p[x] * p[y] * p[z] for x in "ab" for y in "cd" for z in "ef"}
    assert chi_square(sampled("[ab][cd][ef]f?", 3, min_length=3), pairs) < LIMITS[7]


@each_decoder
def test_a_length_beyond_32_bits_allows_no_unreachable_match(make_decoder: MakeDecoder) -> None:
    """``a`` alone is too short and cannot be continued: UNREACHABLE must exceed any length."""
    one = generator_with(make_decoder, markov_chain([UNIGRAM] * 8), make_vocabulary("abcdef"))
    settings = SamplingSettings(match="a|b{3,}", min_length=2, length=2**31 + 10)
    assert {text.text[:3] for text in one.generate("", settings, n=20)} == {"bbb"}
