"""The byte automaton against Python's ``re.fullmatch``, and the errors for its syntax."""

import re
from itertools import product

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from outlines_core import Index, Vocabulary
from soak import example_count

from charloom.errors import SettingsError
from charloom.generation import byte_automaton
from charloom.generation.byte_automaton import ByteAutomaton


def accepts(automaton: ByteAutomaton, text: str) -> bool:
    state = automaton.walk(automaton.start, text.encode())
    return state is not None and automaton.is_match(state)


def strings(letters: str, longest: int) -> list[str]:
    return ["".join(word) for n in range(longest + 1) for word in product(letters, repeat=n)]


def refusal(pattern: str, **options: float) -> str:
    with pytest.raises(SettingsError) as caught:
        ByteAutomaton(pattern, **options)
    return str(caught.value)


# Repetitions are kept apart by groups: Python refuses a**.
expressions = st.recursive(
    st.sampled_from(["a", "b", "c", "é", ".", "[ab]", "[^a]", "[^b-z]", r"\n", "(?:)"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(
            inner, st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{2,}", "{0}"])
        ).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map(lambda one: f"({one}|)"),
    ),
    max_leaves=8,
)


@given(expressions)
@examples(max_examples=example_count(300))
def test_random_expressions_match_what_python_matches(pattern: str) -> None:
    automaton = ByteAutomaton(pattern)
    for text in strings("abé\n", 4):
        assert accepts(automaton, text) == bool(re.fullmatch(pattern, text)), (pattern, text)


@pytest.mark.parametrize(
    "pattern",
    [
        "a|ab",  # a search ends with the first of the two
        "a(?:bc)?",
        "a*?",
        "(?:a|ab)(?:c|bcc)",
        "",
        "a*",
        "^a.*b$",
        "^a|b",
        r"\Aab*",
        "^^a",
        "a$|bc",
        "a$b|c",
        "(?:a$)*",
        "(?x) a  b # (no more",
        "(?x) a ( b # one\n | c )",
        "(?i)A[B]",
        "(?s).*",
        "(?m)a$\nb",
        "[]a^]+",
        "[^]a]+",
        r"\^a|[\^b]",
        r"\[a|\]b",
        "(?P<name>a)b",
        "(?:[a]b)",
    ],
)
def test_python_matches_the_same(pattern: str) -> None:
    automaton = ByteAutomaton(pattern)
    for text in strings("abc\n^]", 4):
        assert accepts(automaton, text) == bool(re.fullmatch(pattern, text)), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (r"\p{Lu}\p{Ll}+", ["Äß", "Abc"], ["äß", "A", "A1"]),
        (r"[\w--\d]+", ["aé", "日"], ["a1", ""]),
        (r"[a-z&&[^aeiou]]{2}", ["bc"], ["ba", "b", "bcd"]),
        ("[[:alpha:]^]", ["a", "^"], [":", "é"]),
        (r"\x{65e5}|\u{1F600}", ["日", "😀"], ["x"]),
        ("(?:日本)+.", ["日本語", "日本日本é"], ["日本", "日日"]),
        (".", ["é", "😀", "\r"], ["\n", ""]),
        ("(?<name>a)", ["a"], ["b"]),
        ("(?i)straße", ["STRAßE"], ["STRASSE"]),
    ],
)
def test_the_syntax_of_rust_is_supported(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    automaton = ByteAutomaton(pattern)
    assert [text for text in matching + others if accepts(automaton, text)] == matching


def test_the_shortest_completion_prefers_given_bytes() -> None:
    automaton = ByteAutomaton("(a|bc)(日|[x-z]{4})")
    assert automaton.shortest_completion(automaton.start) == "a日".encode()
    assert automaton.shortest_completion(automaton.walk(automaton.start, b"b")) == "c日".encode()
    assert (
        automaton.shortest_completion(automaton.walk(automaton.start, b"a"), b"xz") == "日".encode()
    )
    two = ByteAutomaton("[^b][cd]")
    assert two.shortest_completion(two.start) == b"\x00c"
    assert two.shortest_completion(two.start, b"d") == b"dd"
    assert two.shortest_completion(None) is None
    for impossible in (ByteAutomaton(r"a[^\s\S]"), ByteAutomaton("a$b")):
        assert impossible.shortest_completion(impossible.start) is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "K(?=a).*",
            "the expression to match, 'K(?=a).*', has look-around, '(?=', which an automaton "
            "cannot do: write it without.",
        ),
        (
            "(?<!a)b",
            "the expression to match, '(?<!a)b', has look-around, '(?<!', which an automaton "
            "cannot do: write it without.",
        ),
        (
            r"(a)\1",
            r"the expression to match, '(a)\\1', has a back reference, '\\1', which an automaton "
            "cannot do: leave it out.",
        ),
        (
            "(?P<n>a)(?P=n)",
            "the expression to match, '(?P<n>a)(?P=n)', has a back reference, '(?P=', which an "
            "automaton cannot do: leave it out.",
        ),
        (
            r"a.*\bb",
            r"the expression to match, 'a.*\\bb', has a word boundary, '\\b', which is not "
            "supported: name the characters instead.",
        ),
        (
            "(^K|b)a",
            "the expression to match, '(^K|b)a', has '^' after its beginning; the text is matched "
            r"as a whole: leave it out, or write '\^' for the character.",
        ),
        (
            "a(b",
            "the expression to match, 'a(b', cannot be read: missing ) at position 3; allowed is "
            "the syntax of Rust's regex crate (https://docs.rs/regex), without look-around and "
            "back references.",
        ),
        (
            "a(?>b)",
            "the expression to match, 'a(?>b)', cannot be read; allowed is the syntax of Rust's "
            "regex crate (https://docs.rs/regex), without look-around and back references.",
        ),
    ],
)
def test_unsupported_syntax_is_refused_with_a_reason(pattern: str, message: str) -> None:
    assert refusal(pattern) == message


@pytest.mark.parametrize(
    "pattern",
    ["a)(b", "a)|(?:b", "*a", "|*a", "^*a", "a{2", "a{3,2}", "[a", "[z-a]", "a\\", r"\p{No such}"]
    + ["(?-u)\\xff", r"\Z", "(?x)a # (\n(", "(?i", "a(?x) # )\n )", "^?a", "\udcff"],
)
def test_an_invalid_expression_cannot_be_read(pattern: str) -> None:
    assert "cannot be read" in refusal(pattern)
    assert "\n" not in refusal(pattern)


def test_a_long_expression_is_shown_in_part() -> None:
    assert refusal("(" + "x" * 100).startswith(
        f"the expression to match, '({'x' * 39}'..., cannot be read: missing ) at position 101;"
    )


@given(st.text("ab()[]^-\\{}2,?*+|.$:<x#\n", max_size=12))
@examples(max_examples=example_count(500))
def test_any_text_gives_an_automaton_or_one_line(pattern: str) -> None:
    try:
        ByteAutomaton(pattern)
    except SettingsError as error:
        assert "\n" not in str(error)


def reads(pattern: str) -> bool:
    """Return whether the library parses an expression; it refuses Unicode's word boundaries."""
    with pytest.raises(ValueError, match="Failed to build DFA") as caught:
        Index(rf"\b|{pattern}", Vocabulary(1, {b"a": [0]}))
    return "word boundaries" in str(caught.value)


@given(st.text("ab[[]]^^-&|:()", max_size=12).filter(lambda text: "^" in text))
@examples(max_examples=example_count(400), suppress_health_check=list(HealthCheck))
def test_a_caret_is_an_anchor_only_where_another_anchor_is_valid(pattern: str) -> None:
    r"""An anchor can be replaced by \A; in a class, or at the end of a range, it cannot."""
    assume(reads(pattern))
    places = [place for place, character in enumerate(pattern) if character == "^"]
    anchors = [reads(rf"{pattern[:place]}\A{pattern[place + 1 :]}") for place in places]
    leading = len(pattern) - len(pattern.lstrip("^"))
    if all(anchors[:leading]) and not any(anchors[leading:]):
        ByteAutomaton(pattern)
    else:
        assert "has '^' after its beginning" in refusal(pattern)


TOO_LARGE = "is too large; repeat less, or use smaller classes, such as [a-z] in place of \\w."


@pytest.mark.parametrize(
    "pattern",
    [
        "(a{1000}){1000}{1000}",  # would exhaust memory in the library
        "(?P<x>a[b-d]{400}){300}",
        r"(\p{L}{999}){101}",
        "a{99999999999999999999}",
        "(?:(?i:b){2,}){50001}",
        "x" * 100_001,
    ],
)
def test_too_many_repetitions_are_refused(pattern: str) -> None:
    assert (
        refusal(pattern) == f"the expression to match, {byte_automaton.quote(pattern)}, {TOO_LARGE}"
    )


def test_an_automaton_that_takes_too_long_is_refused() -> None:
    """2 ** 17 states: no machine builds them in a hundredth of a second."""
    pattern = "(a|b)*a(a|b){16}"
    message = f"the expression to match, {pattern!r}, {TOO_LARGE}"
    assert refusal(pattern, max_seconds=0.01) == message


def test_repetitions_that_are_not_nested_are_not_multiplied() -> None:
    for pattern in ("a{900}" * 100, "(ab{100}){10}[{900}]{100}" * 10, r"\p{L}{3}\{999999}{2}"):
        assert ByteAutomaton(pattern).start is not None
