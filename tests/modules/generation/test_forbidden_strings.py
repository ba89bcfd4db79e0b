"""Masks of forbidden strings against all texts over a small vocabulary, and every message."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
import regex
from networks import make_vocabulary

from charloom.errors import SettingsError
from charloom.generation.forbidden_strings import ForbiddenStrings, ForbiddenStringsCache, Lengths
from charloom.generation.regex_constraint import RegexConstraint, SymbolAutomaton
from charloom.settings import Level, SamplingSettings
from charloom.text.symbols import join
from charloom.text.vocabulary import EOS, UNK, Vocabulary

CHAR = make_vocabulary("aB -")


def made(
    strings: Sequence[str],
    vocabulary: Vocabulary = CHAR,
    prompt: str = "",
    least: int = 0,
    most: int = 4,
    pattern: str | None = None,
    without: str = "",
    **options: Any,
) -> tuple[SymbolAutomaton, int]:
    allowed_V = np.arange(len(vocabulary)) != UNK
    allowed_V[[vocabulary.ids[symbol] for symbol in without]] = False
    match = None
    if pattern is not None:
        match = RegexConstraint(pattern, vocabulary).build_automaton(
            prompt, allowed_V=allowed_V, min_length=least, max_length=most
        )
    lengths = Lengths(allowed_V=allowed_V, min=least, max=most)
    strings_of = ForbiddenStrings(strings, vocabulary, **options)
    return strings_of.build_automaton(prompt, lengths, match, pattern)


def possible(automaton: SymbolAutomaton, start: int, least: int, most: int) -> set[tuple[int, ...]]:
    """Return all sequences of ids that the masks allow; fail at a dead end."""
    found: set[tuple[int, ...]] = set()
    waiting: list[tuple[tuple[int, ...], int]] = [((), start)]
    while waiting:
        ids, state = waiting.pop()
        if len(ids) == most:
            found.add(ids)
            continue
        states = np.array([state])
        allowed_V = automaton.allowed_mask(
            states, position=len(ids), min_length=least, max_length=most
        )[0]
        assert allowed_V.any(), f"a dead end after {ids}"
        assert not allowed_V[UNK]
        for index in np.flatnonzero(allowed_V).tolist():
            if index == EOS:
                found.add(ids)
                continue
            after = int(automaton.next_states(states, np.array([index]))[0])
            assert after == automaton.next_rows(states)[0, index]
            waiting.append(((*ids, index), after))
    return found


def by_hand(
    strings: Sequence[str],
    vocabulary: Vocabulary,
    prompt: str,
    least: int,
    most: int,
    pattern: str | None,
    whole_words: bool,
    ignore_case: bool,
) -> set[tuple[int, ...]]:
    found = set()
    for length in range(least, most + 1):
        for ids in product(vocabulary.ids.values(), repeat=length):
            text = prompt + join([vocabulary.symbols[index] for index in ids], vocabulary.level)
            read = text.casefold() if ignore_case else text
            if pattern is not None and not regex.fullmatch(pattern, text):
                continue
            if not any(
                regex.search(rf"(?<!\w){regex.escape(s)}(?!\w)", read) if whole_words else s in read
                for s in ([s.casefold() for s in strings] if ignore_case else strings)
            ):
                found.add(ids)
    return found


CASES: list[tuple[Level, list[str], list[str], str]] = [
    ("char", ["a", "B", " "], ["aB", "BB", " a "], ""),
    ("char", ["a", "B", "-"], ["a", "aB"], "B"),
    ("char", ["a", "b", "B"], ["AB", "bb"], "a"),
    ("word", ["a", "Ba", " a", "-"], ["aB", "a a"], "-"),
    ("grapheme", ["a", "e\u0301", "e"], ["ae", "\u00e9a"], ""),
    ("closed-word", ["a", "Ba", " "], ["Ba", "a a"], ""),
]


@pytest.mark.parametrize(("level", "symbols", "strings", "prompt"), CASES)
@pytest.mark.parametrize("whole_words", [False, True])
@pytest.mark.parametrize("ignore_case", [False, True])
@pytest.mark.parametrize("pattern", [None, ".*[aB]", "(..)*"])
def test_the_masks_allow_all_texts_but_those_with_a_string(
    level: Level,
    symbols: list[str],
    strings: list[str],
    prompt: str,
    whole_words: bool,
    ignore_case: bool,
    pattern: str | None,
) -> None:
    vocabulary = make_vocabulary(symbols, level)
    rule: dict[str, Any] = {"whole_words": whole_words, "ignore_case": ignore_case}
    texts = 0
    for most in range(1, 5):
        for least in range(most + 1):
            expected = by_hand(strings, vocabulary, prompt, least, most, pattern, **rule)
            nothing = {()} if pattern is None else set()
            if not expected - nothing:
                with pytest.raises(SettingsError):
                    made(strings, vocabulary, prompt, least, most, pattern, **rule)
                continue
            automaton, start = made(strings, vocabulary, prompt, least, most, pattern, **rule)
            assert possible(automaton, start, least, most) == expected
            texts += len(expected)
    assert texts > 4


def test_symbols_that_a_bias_forbids_count_as_impossible() -> None:
    automaton, start = made(["a "], without="B", least=3)
    found = possible(automaton, start, 3, 4)
    # The masks of the bias itself are applied elsewhere.
    expected = by_hand(["a "], CHAR, "", 3, 4, None, False, False)
    assert {ids for ids in found if CHAR.ids["B"] not in ids} == {
        ids for ids in expected if CHAR.ids["B"] not in ids
    }
    with pytest.raises(SettingsError, match="leave nothing to write"):
        made(["a", " ", "-"], without="B")


def test_few_distances_serve_any_minimum_length() -> None:
    automaton, _ = made(["aB", "a-", "-a"], least=100_000, most=100_000, whole_words=True)
    assert len(automaton.distance_JQ) < 8


def test_the_last_distances_and_strings_are_kept() -> None:
    cache = ForbiddenStringsCache(CHAR)
    settings = SamplingSettings(forbid=("aB",))
    first = cache(settings)
    assert cache(SamplingSettings(forbid=("aB",), seed=3)) is first
    assert cache(SamplingSettings(forbid=("aB",), forbid_ignore_case=True)) is not first
    lengths = Lengths(allowed_V=np.arange(len(CHAR)) != UNK, min=0, max=4)
    one, _ = first.build_automaton("", lengths, None, None)
    other, start = first.build_automaton("a", lengths, None, None)
    assert other.distance_JQ is one.distance_JQ
    assert start != 0


@pytest.mark.parametrize("level", ["char", "byte"])
def test_typed_text_is_read_with_symbols_that_the_vocabulary_lacks(level: Level) -> None:
    vocabulary = make_vocabulary(["a", "b"], level)
    strings = ForbiddenStrings(["a\u65e5b"], vocabulary)
    lengths = Lengths(allowed_V=np.arange(4) != UNK, min=0, max=4)
    _, start = strings.build_automaton("a", lengths, None, None)
    after = strings.walk(start, "\u65e5")
    assert after >= 0
    assert strings.walk(after, "b") == -1
    assert strings.walk(after, "a") >= 0
    assert strings.walk(strings.walk(start, "\u65e5a"), "b") >= 0


def test_typed_text_ends_a_character_that_is_not_complete() -> None:
    vocabulary = make_vocabulary(["a", "<0xC3>"], "byte")
    strings = ForbiddenStrings(["\ufffd\u00e9"], vocabulary)
    lengths = Lengths(allowed_V=np.arange(4) != UNK, min=0, max=4)
    automaton, start = strings.build_automaton("", lengths, None, None)
    broken = int(automaton.next_states(np.array([start]), np.array([3]))[0])
    assert strings.walk(broken, "\u00e9") == -1
    assert strings.walk(start, "\u00e9") >= 0
    alone = ForbiddenStrings(["\ufffd"], vocabulary)
    automaton, start = alone.build_automaton("", lengths, None, None)
    broken = int(automaton.next_states(np.array([start]), np.array([3]))[0])
    assert alone.walk(broken, "a") == -1


TOO_LARGE = (
    "would need more memory than a mask may take, together with a match if there is one; forbid "
    "fewer or shorter ones, or give a simpler match."
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"strings": ["B-", "xyz"], "prompt": "ayxyz"},
            "the prompt, 'ayxyz', holds the forbidden string 'xyz'; change the prompt, or do not "
            "forbid it.",
        ),
        (
            {"strings": ["XY"], "prompt": "a xy!", "whole_words": True, "ignore_case": True},
            "the prompt, 'a xy!', holds the forbidden string 'XY'; change the prompt, or do not "
            "forbid it.",
        ),
        (
            {"strings": ["a", "B", " ", "-"]},
            "4 forbidden strings leave nothing to write; forbid less, or other strings.",
        ),
        (
            {"strings": ["xa", "xB", "x ", "x-"], "prompt": "x"},
            "4 forbidden strings leave nothing to write after the prompt 'x'; forbid less, or "
            "other strings.",
        ),
        (
            {"strings": ["a", "B", "  ", "--", "- ", " -"], "least": 3},
            "6 forbidden strings leave no text of at least 3 symbols; forbid less, or lower "
            "min-length and length.",
        ),
        (
            {"strings": ["aB"], "pattern": "[ -]?aB+"},
            "match and forbid contradict each other: every match of '[ -]?aB+' of 0 to 4 symbols "
            "holds a forbidden string; forbid less, or let the expression match others.",
        ),
        (
            {"strings": ["xaB"], "pattern": "xaB+", "prompt": "x", "least": 3},
            "match and forbid contradict each other: every match of 'xaB+' after the prompt 'x' "
            "of 3 to 4 symbols holds a forbidden string; forbid less, or let the expression match "
            "others.",
        ),
        ({"strings": ["aaB", "aB-"], "max_table_entries": 3}, f"2 forbidden strings {TOO_LARGE}"),
        ({"strings": ["aaBaa"], "max_table_entries": 4}, f"1 forbidden string {TOO_LARGE}"),
        (
            {"strings": ["a-"], "pattern": "(aB)*", "least": 40, "most": 90}
            | {"max_table_entries": 60},
            f"1 forbidden string, with min-length 40, {TOO_LARGE}",
        ),
    ],
)
def test_messages(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        made(**options)
    assert str(caught.value) == message
