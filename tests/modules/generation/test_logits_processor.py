"""Repetition penalty, bias and masks, against loops over strings."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from decoders import MakeDecoder, each_decoder, generator_with
from hypothesis import given
from hypothesis import strategies as st
from networks import make_vocabulary, markov_chain
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.generator import Generator
from charloom.generation.logits_processor import NO_SYMBOL, LogitsProcessor, build_logits_processor
from charloom.generation.regex_constraint import UNREACHABLE, RegexConstraint, SymbolAutomaton
from charloom.settings import Level, SamplingSettings
from charloom.text.vocabulary import UNK, Vocabulary

CHARS = make_vocabulary("abc")
UNKNOWN = "?"
"""Stands for every unknown symbol in the oracle."""


def no_regex(pattern: str) -> RegexConstraint:
    raise AssertionError(f"unexpected pattern {pattern!r}")


def processor(vocabulary: Vocabulary = CHARS, prompt: str = "", **options: Any) -> LogitsProcessor:
    return build_logits_processor(SamplingSettings(**options), vocabulary, prompt, no_regex)


def processed(
    made: LogitsProcessor, logits_BV: NDArray[np.float32], texts: Sequence[list[int]]
) -> NDArray[np.float32]:
    """Return the processed logits after texts of equal length."""
    state = made.initial_state.select(np.zeros(len(texts), np.int64))
    for ids in zip(*texts, strict=True):
        state = made.advance(np.array(ids), state)
    return made.process(logits_BV, len(texts[0]), state)


def repeats(text: str, symbol: str, span: int) -> bool:
    """Return whether ``symbol`` would repeat a passage of the last 256 symbols."""
    passage = text[len(text) - span + 1 :] + symbol
    return len(passage) == span and symbol != UNKNOWN and passage in text[-256:]


def by_hand(
    logits: Sequence[float], text: str, span: int, penalty: float, bias: dict[str, float]
) -> list[float]:
    """Apply the rule of CTRL (Keskar et al. 2019), then the bias, in float32."""
    result = []
    for symbol, logit in zip(["<eos>", UNKNOWN, *"abc"], map(np.float32, logits), strict=True):
        penalized = logit
        if repeats(text, symbol, span):
            penalized = logit / np.float32(penalty) if logit > 0 else logit * np.float32(penalty)
        result.append(float(penalized + np.float32(bias.get(symbol, 0))))
    result[UNK] = -math.inf
    return result


@pytest.mark.parametrize("span", [1, 2, 3, 8])
@given(
    prompt=st.text("aabcé", max_size=12),
    texts=st.integers(0, 12).flatmap(
        lambda size: st.lists(
            st.lists(st.sampled_from([2, 2, 3, 4]), min_size=size, max_size=size),
            min_size=1,
            max_size=3,
        )
    ),
    logits=st.lists(st.floats(-9, 9, width=32), min_size=5, max_size=5),
    penalty=st.sampled_from([0.5, 1.0, 1.3, 40.0]),
    bias=st.dictionaries(
        st.sampled_from(["a", "c", "<eos>"]), st.sampled_from([-2.5, 0.1, -math.inf])
    ),
)
def test_penalty_and_bias_are_those_of_a_loop_over_strings(
    span: int,
    prompt: str,
    texts: list[list[int]],
    logits: list[float],
    penalty: float,
    bias: dict[str, float],
) -> None:
    made = processor(
        prompt=prompt, repetition_penalty=penalty, repetition_span=span, bias=bias, length=20
    )
    rows = np.tile(np.array(logits, np.float32), (len(texts), 1))
    known_prompt = prompt.replace("é", UNKNOWN)
    for row, ids in zip(processed(made, rows, texts), texts, strict=True):
        text = known_prompt + CHARS.decode(ids)
        assert row.tolist() == by_hand(logits, text, span, penalty, bias)
    assert rows.tolist() == [logits] * len(texts), "unchanged"


def test_a_passage_of_eight_symbols_includes_the_prompt() -> None:
    """``c`` repeats no passage after ``abcabcab``, but does once these symbols occur twice."""
    options: dict[str, Any] = {"prompt": "abcabcab", "repetition_penalty": 2.0}
    logits = np.full((1, 5), 4, np.float32)
    one_more = CHARS.encode("c").tolist()
    assert processed(processor(**options), logits, [[]])[0, 2:].tolist() == [4, 4, 4]
    again = processed(processor(**options), logits, [[*one_more, *CHARS.encode("abcab").tolist()]])
    assert again[0, 2:].tolist() == [4, 4, 2]


@pytest.mark.parametrize(("level", "span"), [("char", 8), ("byte", 8), ("word", 1)])
def test_the_default_span_is_eight_symbols_or_one_word(level: Level, span: int) -> None:
    assert processor(make_vocabulary("ab", level), repetition_penalty=1.2).repetition_span == span
    assert (
        processor(
            make_vocabulary("ab", level), repetition_penalty=1.2, repetition_span=3
        ).repetition_span
        == 3
    )


def test_only_the_last_256_symbols_count() -> None:
    """With a span of 1, and of 256, which is the whole window."""
    logits = np.full((1, 5), 4, np.float32)
    for far, expected in ((255, 2.0), (256, 4.0)):
        made = processor(prompt="a", repetition_penalty=2.0, repetition_span=1)
        assert processed(made, logits, [[3] * far])[0, 2] == expected
    made = processor(prompt="b" * 1000, repetition_penalty=2.0, repetition_span=256)
    assert processed(made, logits, [[]])[0, 2:].tolist() == [4, 2, 4]
    assert processed(made, logits, [[2]])[0, 2:].tolist() == [4, 4, 4]


def test_the_initial_state_has_the_end_of_the_prompt() -> None:
    """And no recent symbols without a repetition penalty."""
    assert processor(prompt="abc").initial_state.recent_BW.shape == (1, 0)
    short = processor(prompt="aéb", repetition_penalty=1.2).initial_state.recent_BW
    assert short[0].tolist() == [NO_SYMBOL] * 253 + [2, UNK, 3]
    long = processor(prompt="a" * 9 + "bc" * 128, repetition_penalty=1.2).initial_state.recent_BW
    assert long[0].tolist() == [3, 4] * 128


def test_biases_are_added_and_the_unknown_symbol_is_forbidden() -> None:
    made = processor(bias={"b": 0.1, "<eos>": -7, "c": -math.inf})
    assert made.bias_V.tolist() == [-7, -math.inf, 0, np.float32(0.1), -math.inf]


def test_the_symbols_of_a_bias_are_spelled_as_in_the_vocabulary() -> None:
    assert processor(make_vocabulary(["a", "<0xC3>"], "byte"), bias={"<0xC3>": 1}).bias_V[3] == 1
    assert processor(make_vocabulary(["play", " "], "word"), bias={"play": 1}).bias_V[2] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"bias": {"é": 1}},
            "a bias is given for 'é', which is no symbol of this model; "
            "its level is char, and vocabulary.json has its symbols.",
        ),
        (
            {"bias": {"a": -1, "ab": -1}},
            "a bias is given for 'ab', which is no symbol of this model; "
            "its level is char, and vocabulary.json has its symbols.",
        ),
        (
            {"bias": {"<unk>": 1}},
            "a bias is given for '<unk>', which is no symbol of this model; "
            "its level is char, and vocabulary.json has its symbols.",
        ),
        (
            {"bias": dict.fromkeys(["a", "b", "c", "<eos>"], -math.inf)},
            "every symbol is forbidden by a bias; allow at least one.",
        ),
        (
            {"bias": dict.fromkeys("abc", -math.inf), "min_length": 2},
            "every symbol but '<eos>' is forbidden by a bias, and min-length 2 asks for others; "
            "allow at least one, or leave min-length out.",
        ),
        (
            {"bias": {"<eos>": -math.inf}, "match": "a+"},
            "match and a bias of -inf for '<eos>' contradict each other: "
            "a match could not end; leave one of them out.",
        ),
    ],
)
def test_invalid_biases_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        processor(**options)
    assert str(caught.value) == message


ENDS = markov_chain([[0.9, 0.04, 0.03, 0.02, 0.01]] * 5)
"""Ends at once with probability 0.9; ``a`` is its most probable letter."""


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("least", [0, 1, 3, 9])
def test_texts_end_from_the_minimum_length_on(least: int, temperature: float) -> None:
    settings = SamplingSettings(temperature=temperature, length=50, min_length=least)
    generated = Generator(ENDS, CHARS).generate("abc", settings, n=60)
    lengths = [len(one.text) - 3 for one in generated]
    # That none of 60 ends at the minimum has probability 0.1**60.
    assert min(lengths) == least
    assert {one.stopped for one in generated} == {"eos"}
    assert [one.symbols for one in generated] == [length + 1 for length in lengths]


def test_the_minimum_length_may_equal_the_maximum() -> None:
    settings = SamplingSettings(temperature=0.0, length=4, min_length=4)
    generated = Generator(ENDS, CHARS).generate("b", settings)[0]
    assert (generated.text, generated.symbols, generated.stopped) == ("baaaa", 4, "length")


def test_a_stop_string_ends_a_text_below_the_minimum_length() -> None:
    settings = SamplingSettings(temperature=0.0, length=9, min_length=9, stop=("aa",))
    generated = Generator(ENDS, CHARS).generate("", settings)[0]
    assert (generated.text, generated.symbols, generated.stopped) == ("", 2, "stop")


def test_without_letters_every_text_is_empty() -> None:
    settings = SamplingSettings(bias=dict.fromkeys("abc", -math.inf))
    assert [one.text for one in Generator(ENDS, CHARS).generate("", settings, n=9)] == [""] * 9


@each_decoder
@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"bias": {"c": 1e300}}, "cccc"),
        ({"bias": {"c": 10**400, "b": 1e20}}, "cccc"),
        ({"bias": {"<eos>": -1e300, "a": -(10**400)}, "temperature": 0.0}, "bbbb"),
        ({"bias": {"<eos>": -math.inf, "a": -1e300, "b": -1e300, "c": -math.inf}}, "[ab]{4}"),
        ({"repetition_penalty": 1e300, "repetition_span": 1}, "(bc|cb)[abc]{2}"),
        ({"repetition_penalty": 10**400, "repetition_span": 1}, "(bc|cb)[abc]{2}"),
        ({"repetition_penalty": 1e-300, "repetition_span": 1}, "aaaa"),
        ({"temperature": 1e300}, "[abc]{4}"),
        ({"top_k": 2**70, "temperature": 1e-300}, "aaaa"),
    ],
)
def test_options_beyond_float32_are_clamped(
    options: dict[str, Any], pattern: str, make_decoder: MakeDecoder
) -> None:
    """Without a warning, which would fail this suite.

    The logits of this network are logarithms of probabilities, so all are negative.
    """
    settings = SamplingSettings(length=4, min_length=4, **options)
    for text in generator_with(make_decoder, ENDS, CHARS).generate("a", settings, n=9):
        assert re.fullmatch("a" + pattern, text.text)


@each_decoder
def test_lengths_beyond_64_bits_are_endless(make_decoder: MakeDecoder) -> None:
    settings = SamplingSettings(length=2**70, min_length=2**70)
    pieces = generator_with(make_decoder, ENDS, CHARS).stream("", settings)
    assert all(next(pieces) for _ in range(5))


@each_decoder
@pytest.mark.parametrize("temperature", [0.0, 1.0, 100.0])
def test_an_automaton_masks_symbols_that_lead_to_no_match_in_time(
    temperature: float, make_decoder: MakeDecoder
) -> None:
    """Only ``b`` may be the last symbol: the text may not end before it, and must end after it.

    The network alone would end with probability 0.9 at each symbol.
    """
    settings = SamplingSettings(
        temperature=temperature, length=5, min_length=3, match="a*b", bias={"a": -1, "c": -math.inf}
    )
    generated = generator_with(make_decoder, ENDS, CHARS).generate("aa", settings, n=40)
    texts = {text.text for text in generated}
    every_match = {"aaaab", "aaaaab", "aaaaaab"}
    assert texts <= every_match
    # At temperature 100 each has a probability of about 1/4 or 1/2: one is missing in 1 of 40,000.
    assert temperature < 100 or texts == every_match


class AnyAsThenB(RegexConstraint):
    """The automaton of ``a*b``, made by hand, over <eos>, <unk>, a, b and c."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[bool], int, int]] = []

    def build_automaton(
        self, prompt: str, *, allowed_V: NDArray[np.bool_], min_length: int, max_length: int
    ) -> SymbolAutomaton:
        self.requests.append((prompt, allowed_V.tolist(), min_length, max_length))
        distances = [[max(j, 1), 0 if j == 0 else UNREACHABLE] for j in range(min_length + 1)]
        return SymbolAutomaton(
            next_QV=np.array([[-1, -1, 0, 1, -1], [-1] * 5], np.int32),
            distance_JQ=np.array(distances, np.int32),
        )


def test_the_automaton_is_built_for_the_allowed_symbols_and_lengths() -> None:
    constraint = AnyAsThenB()
    settings = SamplingSettings(match="a*b", length=5, min_length=3, bias={"c": -math.inf})
    build_logits_processor(settings, CHARS, "aa", {"a*b": constraint}.__getitem__)
    assert constraint.requests == [("aa", [True, False, True, True, False], 3, 5)]


def test_masks_apply_after_bias_and_penalty() -> None:
    settings = SamplingSettings(
        match="a*b", bias={"b": 0.5}, repetition_penalty=2.0, repetition_span=1
    )
    made = build_logits_processor(settings, CHARS, "a", lambda _: AnyAsThenB())
    logits = np.full((2, 5), 4, np.float32)
    never = -math.inf
    expected = [[never, never, 2, 4.5, never], [4, never, never, never, never]]
    assert processed(made, logits, [[2, 2], [2, 3]]).tolist() == expected
