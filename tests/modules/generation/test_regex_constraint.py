"""Masks against all texts over a small vocabulary that Python's ``re.fullmatch`` accepts."""

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from networks import make_vocabulary
from soak import example_count

from charloom.errors import SettingsError
from charloom.generation.regex_constraint import UNREACHABLE, RegexConstraint, SymbolAutomaton
from charloom.settings import Level
from charloom.text.symbols import BYTES, join
from charloom.text.vocabulary import EOS, UNK, Vocabulary


def made(
    pattern: str,
    vocabulary: Vocabulary,
    prompt: str = "",
    forbidden: Sequence[str] = (),
    min_length: int = 0,
    max_length: int = 5,
    **limits: int,
) -> SymbolAutomaton:
    allowed_V = np.arange(len(vocabulary)) != UNK
    allowed_V[[vocabulary.ids[symbol] for symbol in forbidden]] = False
    return RegexConstraint(pattern, vocabulary, **limits).build_automaton(
        prompt, allowed_V=allowed_V, min_length=min_length, max_length=max_length
    )


def refusal(pattern: str, vocabulary: Vocabulary, prompt: str = "", **options: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        made(pattern, vocabulary, prompt, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def possible(automaton: SymbolAutomaton, min_length: int, max_length: int) -> set[tuple[int, ...]]:
    """Return all sequences of ids that the masks allow; fail at a dead end."""
    found: set[tuple[int, ...]] = set()
    waiting: list[tuple[tuple[int, ...], int]] = [((), 0)]
    while waiting:
        ids, state = waiting.pop()
        if len(ids) == max_length:
            found.add(ids)
            continue
        allowed_V = automaton.allowed_mask(
            np.array([state]), position=len(ids), min_length=min_length, max_length=max_length
        )[0]
        assert allowed_V.any(), f"a dead end after {ids}"
        assert not allowed_V[UNK]
        for index in np.flatnonzero(allowed_V).tolist():
            if index == EOS:
                found.add(ids)
            else:
                waiting.append(((*ids, index), int(automaton.next_QV[state, index])))
    return found


def matching(
    pattern: str,
    vocabulary: Vocabulary,
    prompt: str,
    forbidden: Sequence[str],
    minimum: int,
    length: int,
) -> set[tuple[int, ...]]:
    """Return the same by brute force. Bytes that are not UTF-8 match nothing, not even a dot."""
    ids = [index for symbol, index in vocabulary.ids.items() if symbol not in forbidden]
    texts = {
        some: join([vocabulary.symbols[index] for index in some], vocabulary.level)
        for symbols in range(minimum, length + 1)
        for some in product(ids, repeat=symbols)
    }
    return {
        some
        for some, text in texts.items()
        if "\ufffd" not in text and re.fullmatch(pattern, prompt + text)
    }


def check(
    pattern: str,
    vocabulary: Vocabulary,
    prompt: str = "",
    forbidden: Sequence[str] = (),
    longest: int = 4,
) -> int:
    """Compare for all minimum and maximum lengths; return the number of texts in all."""
    texts = 0
    for max_length in range(1, longest + 1):
        for min_length in range(max_length + 1):
            expected = matching(pattern, vocabulary, prompt, forbidden, min_length, max_length)
            options: dict[str, Any] = {
                "forbidden": forbidden,
                "min_length": min_length,
                "max_length": max_length,
            }
            if not expected:
                refusal(pattern, vocabulary, prompt, **options)
                continue
            automaton = made(pattern, vocabulary, prompt, **options)
            assert possible(automaton, min_length, max_length) == expected, options
            assert_well_made(automaton, min_length)
            texts += len(expected)
    return texts


def assert_well_made(automaton: SymbolAutomaton, minimum: int) -> None:
    for table in (automaton.next_QV, automaton.distance_JQ):
        assert table.dtype == np.int32
        assert table.flags.c_contiguous
        assert table.flags.writeable
    assert automaton.distance_JQ.shape == (minimum + 1, len(automaton.next_QV))
    assert (automaton.next_QV[:, [EOS, UNK]] == -1).all()
    assert (automaton.distance_JQ >= 0).all()
    assert (automaton.distance_JQ[0] < UNREACHABLE).all()


CHAR = make_vocabulary("abc")


@pytest.mark.parametrize(
    ("pattern", "prompt", "forbidden"),
    [
        ("a|ab|abc", "", ""),
        ("a(bc)?", "", ""),
        ("a*?", "", ""),
        ("(a|b)*a(a|b){2}", "", ""),
        ("(a|b)*a(a|b){2}", "ba", ""),
        ("(ab|c)*", "c", "b"),
        ("(abc)*", "", ""),
        ("a{3}|b{2}|c", "", ""),
        ("[^a]b*", "", "c"),
        (".*", "", ""),
        ("(?s).*", "a\n日", "a"),
        ("日.?|c+", "日", ""),
        ("^a.+$", "", ""),
        ("c?", "c", ""),
        ("abc", "abc", ""),
        ("", "", ""),
        ("a$|b", "", ""),
    ],
)
def test_the_masks_allow_exactly_the_matches(pattern: str, prompt: str, forbidden: str) -> None:
    assert check(pattern, CHAR, prompt, forbidden)


def test_symbols_that_lead_to_no_match_are_masked() -> None:
    """Of the first expression only bc can be written, of the second ca and b."""
    assert made("(a日)|(bc)", CHAR).next_QV.shape == (3, 5)
    assert check("(a日)|(bc)", CHAR)
    assert check("(ab?|c)(日|a$)|b", CHAR, forbidden="b")
    assert check("b*(a日)?|(c日*)?", CHAR)


parts = st.recursive(
    st.sampled_from(["a", "b", "c", "日", "[ab]", "[^a]", "."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=7,
)


@given(parts, st.sampled_from(["", "a", "bc", "日", "cab"]), st.sampled_from(["", "a", "bc"]))
@examples(max_examples=example_count(150))
def test_the_masks_of_random_expressions_allow_exactly_the_matches(
    pattern: str, prompt: str, forbidden: str
) -> None:
    try:
        check(pattern, CHAR, prompt, forbidden, longest=3)
    except SettingsError as error:
        # Building an automaton has a time limit, which a busy machine may reach.
        if "is too large" not in str(error):
            raise


@pytest.mark.parametrize(
    ("level", "symbols", "pattern", "prompt"),
    [
        ("word", ["ab", "a", "b", " ", "bab"], "(ab ?)+", ""),
        ("word", ["ab", "a", "b", " ", "bab"], "(ab)*b", "a"),
        ("word", ["ab", "a", "b", " ", "日"], "[a-c]{3}|日.", "日"),
        ("grapheme", ["a", "e\u0301", "e", "\u0301", "🇫🇷", "\r\n"], "(ae\u0301?)*", ""),
        ("grapheme", ["a", "e\u0301", "🇫🇷", "\r\n"], "[^a]{2}a", ""),
        ("byte", [*"ab", *(BYTES[b] for b in "éè".encode()[:4])], "(é|[ab]è?)+", ""),
        ("byte", ["a", *(BYTES[b] for b in "日本".encode())], "日?本", ""),
        ("byte", ["a", *(BYTES[b] for b in "日本".encode())], ".", ""),
        ("char", ["a", "é", "日", "😀", "\n"], ".[é日]?[^a]", ""),
        ("char", [], "a?", ""),
    ],
)
def test_the_masks_allow_exactly_the_matches_at_every_level(
    level: Level, symbols: list[str], pattern: str, prompt: str
) -> None:
    assert check(pattern, make_vocabulary(list(dict.fromkeys(symbols)), level), prompt)


def test_prompts_of_any_characters() -> None:
    """A lone surrogate is read as the replacement character."""
    vocabulary = make_vocabulary("ab")
    assert check("(?s).{3}a*", vocabulary, "日\n😀")
    automaton = made("\ufffda?", vocabulary, "\udcff")
    assert possible(automaton, 0, 5) == {(), (2,)}


def test_distances_have_their_closed_forms() -> None:
    """With tables of more than one chunk, and many minimum lengths."""
    words = make_vocabulary([f"w{k}" for k in range(30_000)], "word")
    automaton = made("(w[0-9]+){0,40}", words, min_length=7, max_length=50)
    assert automaton.distance_JQ[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert (automaton.next_QV[0, 2:] >= 0).all()
    automaton = made("(abc)*", CHAR, min_length=500, max_length=502)
    assert automaton.distance_JQ[:, 0].tolist() == [-(-j // 3) * 3 for j in range(501)]
    automaton = made("a{300}", CHAR, min_length=300, max_length=300)
    assert automaton.distance_JQ[300, 0] == 300
    assert (automaton.distance_JQ[300, 1:] == UNREACHABLE).all()
    assert sorted(automaton.distance_JQ[0].tolist()) == list(range(301))


def test_only_states_within_reach_are_explored() -> None:
    """Of an expression with many states, those that the symbols and the length lead to."""
    automaton = made(r"(\p{L}{1,12} ){1,12}", make_vocabulary("ab "), max_length=9)
    assert len(automaton.next_QV) < 40
    assert len(made(".{5000}", CHAR, "a" * 4995, max_length=10).next_QV) == 6


WORDS = make_vocabulary(["ab", " ", "cd"], "closed-word")


@pytest.mark.parametrize(
    ("vocabulary", "pattern", "prompt", "options", "message"),
    [
        (
            CHAR,
            r"a[^\s\S]|b$c",
            "",
            {},
            r"no text at all matches the expression 'a[^\\s\\S]|b$c'; give one that some text "
            "matches.",
        ),
        (
            CHAR,
            "K[a-z]+",
            "Today " * 10,
            {},
            "no match of 'K[a-z]+' begins with the prompt, "
            "'Today Today Today Today Today Today Toda'...; the whole text must match, prompt "
            "included: change one of them.",
        ),
        (
            CHAR,
            "ab(c$a|日$日)|b",
            "abc",
            {},
            "no match of 'ab(c$a|日$日)|b' begins with the prompt, 'abc'; the whole text must "
            "match, prompt included: change one of them.",
        ),
        (
            CHAR,
            "[^a]+[0-9]{2}",
            "a",
            {},
            "no match of '[^a]+[0-9]{2}' begins with the prompt, 'a'; the whole text must match, "
            "prompt included: change one of them.",
        ),
        (
            CHAR,
            "[^a]+[0-9]{2}",
            "日",
            {},
            "no match of '[^a]+[0-9]{2}' can be written with the symbols of this model: '00', say, "
            "needs '0'; let the expression match others.",
        ),
        (
            WORDS,
            "[ab]+ abc",
            "",
            {},
            "no match of '[ab]+ abc' can be written with the symbols of this model: 'a abc', say, "
            "needs 'a'; only words of its training text can be written; let the expression match "
            "others.",
        ),
        (
            make_vocabulary([BYTES[0xE6], "a"], "byte"),
            "a日",
            "a",
            {},
            "no match of 'a日' can be written with the symbols of this model: '日', say, needs "
            "'<0x97>'; let the expression match others.",
        ),
        (
            CHAR,
            "ab+c?",
            "",
            {"forbidden": "b"},
            "every match of 'ab+c?' needs a symbol that a bias of -inf forbids; allow it.",
        ),
        (
            CHAR,
            "a{7,9}",
            "a",
            {},
            "length is 5, but a match of 'a{7,9}' needs at least 6 symbols after the prompt; "
            "raise it.",
        ),
        (
            CHAR,
            "ab|(abc){2}",
            "a",
            {"min_length": 3, "max_length": 4},
            "length is 4, but with min-length 3 a match of 'ab|(abc){2}' needs at least 5 symbols "
            "after the prompt; raise it.",
        ),
        (
            CHAR,
            "a{2,4}b?",
            "a",
            {"min_length": 5},
            "min-length is 5, but a match of 'a{2,4}b?' has at most 4 symbols after the prompt; "
            "lower it, or let the expression repeat more.",
        ),
        (
            CHAR,
            "abc",
            "abc",
            {"min_length": 1},
            "min-length is 1, but a match of 'abc' has at most 0 symbols after the prompt; lower "
            "it, or let the expression repeat more.",
        ),
        (
            CHAR,
            "a{3}",
            "",
            {"min_length": 3 * 10**7, "max_length": 10**8},
            "min-length 30000000 is too large for the expression to match, 'a{3}', which has 4 "
            "states; lower it.",
        ),
    ],
)
def test_an_error_says_why_nothing_matches(
    vocabulary: Vocabulary, pattern: str, prompt: str, options: dict[str, Any], message: str
) -> None:
    assert refusal(pattern, vocabulary, prompt, **options) == message


@pytest.mark.parametrize("limits", [{"max_byte_states": 50}, {"max_table_entries": 5 * 50}])
def test_too_many_states_are_refused(limits: dict[str, Any]) -> None:
    assert len(made("a{40}", CHAR, max_length=100, **limits).next_QV) == 41
    assert refusal("a{60}", CHAR, max_length=100, **limits) == (
        "the expression to match, 'a{60}', is too large; repeat less, or use smaller classes, "
        "such as [a-z] in place of \\w."
    )


def test_a_length_beyond_all_tables() -> None:
    assert "at most 3 symbols" in refusal("a{3}", CHAR, min_length=4, max_length=2**40)
    automaton = made("a{3}", CHAR, min_length=2, max_length=2**40)
    assert possible(automaton, 2, 10) == {(2, 2, 2)}
