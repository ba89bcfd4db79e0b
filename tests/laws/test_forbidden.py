"""No generated text holds a forbidden string, and texts are otherwise those of the network.

The oracle searches whole texts: with ``in``, after ``str.casefold`` without case, and with the
package regex for whole words. Exact distributions are compared with the product of the renormalised
probabilities of the symbols that some allowed text continues with, found by enumerating all texts.
"""

import dataclasses
import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
import regex
from decoders import MakeDecoder, each_decoder, generator_with
from networks import make_vocabulary, markov_chain, random_tensors
from soak import times

from charloom.errors import SettingsError
from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.settings import Level, NetworkSettings, SamplingSettings
from charloom.text.symbols import BYTES, join
from charloom.text.vocabulary import Vocabulary

CHARACTERS = "aAbkK\u212asS\u017f\u00dfi\u0130\u00e9\u0301-. _"
"""Letters whose case folding is one letter, two, or another letter and a mark; and no letters."""
LEVELS: tuple[Level, ...] = ("char", "byte", "grapheme", "word", "closed-word")


def holds(strings: Sequence[str], text: str, *, whole_words: bool, ignore_case: bool) -> bool:
    if ignore_case:
        text, strings = text.casefold(), [string.casefold() for string in strings]
    if whole_words:
        return any(regex.search(rf"(?<!\w){regex.escape(s)}(?!\w)", text) for s in strings)
    return any(string in text for string in strings)


def vocabulary_of(level: Level, chance: random.Random) -> Vocabulary:
    """Return a random vocabulary; symbols of several characters at all levels but two."""
    if level == "byte":
        data = "".join(chance.choices(CHARACTERS, k=6)).encode()
        codes = {*data, *chance.choices(range(256), k=4), 0xFF}
        return make_vocabulary([BYTES[code] for code in sorted(codes)], level)
    longest = 1 if level == "char" else 3
    symbols = {
        "".join(chance.choices(CHARACTERS, k=chance.randint(1, longest)))
        for _ in range(chance.randint(3, 12))
    }
    return make_vocabulary(sorted(symbols), level)


def words(chance: random.Random, most: int) -> list[str]:
    return ["".join(chance.choices(CHARACTERS, k=chance.randint(1, 3))) for _ in range(most)]


@dataclasses.dataclass
class Case:
    vocabulary: Vocabulary
    engine: Engine
    prompt: str
    settings: SamplingSettings
    rule: dict[str, bool]


def random_case(level: Level, seed: int, **options: Any) -> Case:
    chance = random.Random(f"{level} {seed}")
    vocabulary = vocabulary_of(level, chance)
    network = NetworkSettings(cell="gru", hidden=5, input=3)
    tensors = random_tensors(network, len(vocabulary), seed=seed, scale=chance.choice([0.3, 3.0]))
    tensors["output.bias"][0] -= 2  # so that texts are long enough to hold strings
    rule = {
        "whole_words": chance.random() < 0.5,
        "ignore_case": chance.random() < 0.5,
    }
    prompt = "".join(chance.choices([*CHARACTERS, "Z"], k=chance.randint(0, 3)))
    forbid = words(chance, chance.randint(1, 5))
    if prompt and chance.random() < 0.5:
        forbid.append(prompt[-1] + chance.choice(CHARACTERS))  # begins within the prompt
    settings = SamplingSettings(
        forbid=tuple(forbid),
        forbid_whole_words=rule["whole_words"],
        forbid_ignore_case=rule["ignore_case"],
        temperature=chance.choice([0.0, 0.8, 3.0]),
        min_length=chance.choice([0, 0, 3]),
        length=chance.choice([4, 12]),
        seed=seed,
        bias=chance.choice([{}, {}, {"<eos>": -math.inf}]),
        **options,
    )
    engine = Engine(network, tensors)
    return Case(vocabulary, engine, prompt, settings, rule)


def generated(case: Case, n: int) -> list[GeneratedText] | None:
    """Return the texts of both decoders, which are equal; None if the settings are refused."""
    found = []
    for make in (CompiledDecoder, NumpyDecoder):
        try:
            one = generator_with(make, case.engine, case.vocabulary)
            texts = one.generate(case.prompt, case.settings, n)
            found.append([dataclasses.replace(text, bits=0.0) for text in texts])
        except SettingsError:
            found.append([])
    assert found[0] == found[1]
    return found[0] or None


@pytest.mark.parametrize("level", LEVELS)
def test_no_text_holds_a_forbidden_string(level: Level) -> None:
    """Both decoders, all lengths, and the same texts in a batch, alone and as a stream."""
    refused = shortened = 0
    for seed in range(times(24)):
        case = random_case(level, seed)
        texts = generated(case, 18)
        if texts is None:
            refused += 1
            continue
        one = Generator(case.engine, case.vocabulary)
        for text in texts:
            assert not holds(case.settings.forbid, text.text, **case.rule), (case, text)
            assert text.symbols - (text.stopped == "eos") >= case.settings.min_length
        for k in (0, 17):
            alone = dataclasses.replace(case.settings, seed=seed + k)
            assert one.generate(case.prompt, alone)[0].text == texts[k].text
            streamed = case.prompt + "".join(one.stream(case.prompt, alone, block=1 + k))
            assert streamed == texts[k].text
        unsteered = dataclasses.replace(
            case.settings, forbid=(), forbid_whole_words=False, forbid_ignore_case=False
        )
        shortened += one.generate(case.prompt, unsteered, 18) != texts
    assert refused < times(18)
    assert shortened > times(3), "the strings occur in texts that are not steered"


@pytest.mark.parametrize("level", LEVELS)
def test_beams_hold_no_forbidden_string(level: Level) -> None:
    written = 0
    for seed in range(times(10)):
        case = random_case(level, seed)
        case.settings = dataclasses.replace(case.settings, temperature=None, beam=4)
        texts = generated(case, 4)
        for text in texts or ():
            assert not holds(case.settings.forbid, text.text, **case.rule)
            written += 1
    assert written > times(6)


@pytest.mark.parametrize("level", ["char", "word"])
def test_texts_with_a_match_hold_no_forbidden_string(level: Level) -> None:
    pattern = "[^Z]*[a-k.]{1,4}"
    written = 0
    for seed in range(times(20)):
        case = random_case(level, seed)
        case.settings = dataclasses.replace(case.settings, match=pattern, bias={})
        texts = generated(case, 10)
        for text in texts or ():
            assert regex.fullmatch(pattern, text.text)
            assert not holds(case.settings.forbid, text.text, **case.rule)
            written += 1
    assert written > times(30)


@each_decoder
def test_strings_that_never_occur_change_nothing(make_decoder: MakeDecoder) -> None:
    network = NetworkSettings(hidden=5, input=3)
    vocabulary = make_vocabulary("abcdefgh -")
    engine = Engine(network, random_tensors(network, len(vocabulary), seed=3))
    one = generator_with(make_decoder, engine, vocabulary)
    cases: list[dict[str, Any]] = [
        {},
        {"min_length": 9, "top_k": 4},
        {"match": "[a-h -]*b", "min_length": 5},
    ]
    for options in cases:
        free = SamplingSettings(seed=4, length=60, **options)
        forbid = ("z", "\u00e9a", "ax", "abcdefghabcdefghab")
        texts = one.generate("a", free, 40)
        for words_only, ignore_case in product([False, True], repeat=2):
            steered = dataclasses.replace(
                free,
                forbid=forbid,
                forbid_whole_words=words_only,
                forbid_ignore_case=ignore_case,
            )
            assert one.generate("a", steered, 40) == texts, "to the last bit"


def allowed_texts(case: Case, chain_VV: np.ndarray[Any, Any]) -> dict[tuple[int, ...], float]:
    """Return the probability of each sequence of ids, found by enumerating all of them.

    A symbol is possible if some allowed sequence continues with it; the probabilities of the
    possible symbols are renormalised. A sequence ends with id 0, or has the largest length.
    """
    settings, size = case.settings, len(case.vocabulary)
    allowed: set[tuple[int, ...]] = set()
    for length in range(settings.length + 1):
        for ids in product(range(2, size), repeat=length):
            symbols = [case.vocabulary.symbols[index] for index in ids]
            text = case.prompt + join(symbols, case.vocabulary.level)
            if length < settings.min_length or holds(settings.forbid, text, **case.rule):
                continue
            if settings.match is not None and not regex.fullmatch(settings.match, text):
                continue
            allowed.add(ids if length == settings.length else (*ids, 0))
    prefixes = {ids[:n] for ids in allowed for n in range(len(ids) + 1)}
    result = {}
    for ids in allowed:
        probability, last = 1.0, 0
        for position, index in enumerate(ids):
            before = ids[:position]
            possible = [v for v in range(size) if (*before, v) in prefixes]
            probability *= chain_VV[last, index] / chain_VV[last, possible].sum()
            last = index
        result[ids] = probability
    return result


LARGEST = {1: 23.93, 2: 27.64, 3: 30.67, 5: 35.89, 8: 42.71, 12: 50.84, 20: 65.42, 40: 97.0}
"""Quantiles of chi-square: a correct sampler exceeds one with a probability of 1 in a million."""
DRAWS = 4000


@pytest.mark.parametrize(
    ("symbols", "options"),
    [
        ("ab", {"forbid": ("aa", "bab")}),
        ("ab", {"forbid": ("ba", "abb"), "min_length": 2}),
        ("a -", {"forbid": ("a",), "forbid_whole_words": True}),
        ("a -", {"forbid": ("a", "aa", "-"), "forbid_whole_words": True, "min_length": 2}),
        ("aAb", {"forbid": ("aB", "AA"), "forbid_ignore_case": True}),
        ("ab", {"forbid": ("bb",), "match": "(a|bb)*b?", "min_length": 1}),
        (["a", "ab", "ba"], {"forbid": ("aab", "bb")}),
        (["s", "S", "\u00df"], {"forbid": ("sS",), "forbid_ignore_case": True}),
    ],
)
def test_texts_have_the_probabilities_of_rejected_symbols(
    symbols: Sequence[str], options: dict[str, Any]
) -> None:
    level: Level = "char" if isinstance(symbols, str) or len(symbols[1]) == 1 else "word"
    size = len(symbols) + 2
    chain_VV = np.random.default_rng(size).dirichlet(np.ones(size), size)
    chain_VV[:, 1] = 0
    chain_VV /= chain_VV.sum(axis=1, keepdims=True)
    rule = {
        "whole_words": options.get("forbid_whole_words", False),
        "ignore_case": options.get("forbid_ignore_case", False),
    }
    settings = SamplingSettings(temperature=1.0, length=3, seed=5, **options)
    vocabulary = make_vocabulary(list(symbols), level)
    case = Case(vocabulary, markov_chain(chain_VV), "", settings, rule)
    expected = allowed_texts(case, chain_VV)
    # Texts without a symbol are possible, but not if they are the only ones.
    drawn = Counter[str]()
    for text in Generator(case.engine, vocabulary).generate("", settings, DRAWS):
        drawn[f"{text.text}{'.' if text.stopped == 'eos' else ''}"] += 1
    weights = defaultdict[str, float](float)
    for ids, probability in expected.items():
        written = "".join(vocabulary.symbols[index] for index in ids if index)
        weights[f"{written}{'.' if ids[-1] == 0 else ''}"] += probability
    assert abs(sum(weights.values()) - 1) < 1e-9
    assert set(drawn) <= set(weights)
    frequent = {written: p for written, p in weights.items() if p * DRAWS >= 5}
    rare = 1 - sum(frequent.values())
    statistic = sum((drawn[t] - p * DRAWS) ** 2 / (p * DRAWS) for t, p in frequent.items())
    rest = DRAWS - sum(drawn[written] for written in frequent)
    statistic += (rest - rare * DRAWS) ** 2 / (rare * DRAWS) if rare * DRAWS >= 1 else 0.0
    degrees = min(n for n in LARGEST if n >= len(frequent))
    assert statistic < LARGEST[degrees]


def test_a_string_may_begin_within_the_prompt() -> None:
    chain = markov_chain([[0.1, 0.0, 0.5, 0.4]] * 4)
    one = Generator(chain, make_vocabulary("ab"))
    settings = SamplingSettings(forbid=("xab",), length=1, temperature=1.0)
    assert {text.text for text in one.generate("xa", settings, 60)} == {"xa", "xaa"}
    words_only = dataclasses.replace(settings, forbid=("xa",), forbid_whole_words=True)
    assert {text.text for text in one.generate("xa", words_only, 60)} == {"xaa", "xab"}


def test_an_endless_network_writes_texts_of_full_length() -> None:
    """At the last position only states in which a text may end are left."""
    chain = markov_chain([[0.0, 0.0, 0.5, 0.3, 0.2]] * 5)
    one = Generator(chain, make_vocabulary("ab "), endless=True)
    settings = SamplingSettings(
        forbid=("a", "b", "aa", "ab", "ba"), forbid_whole_words=True, length=9, temperature=1.0
    )
    texts = {text.text for text in one.generate("", settings, 300)}
    assert len(texts) > 100
    assert {len(text) for text in texts} == {9}
    for text in texts:
        assert not holds(settings.forbid, text, whole_words=True, ignore_case=False)
