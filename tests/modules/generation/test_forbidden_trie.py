"""The trie of forbidden strings, against a search in the letters."""

import random

import pytest

from charloom.generation.forbidden_trie import (
    COMPLETE,
    WORD_MAY_END,
    WORD_MAY_START,
    ForbiddenTrie,
    LetterSplitter,
    is_word_character,
)


def holds(patterns: list[str], text: str) -> bool:
    return any(pattern in text for pattern in patterns)


def codes(text: str) -> list[int]:
    return list(map(ord, text))


def test_a_walk_is_complete_as_soon_as_the_letters_hold_a_pattern() -> None:
    chance = random.Random(0)
    for _ in range(300):
        patterns = [
            "".join(chance.choices("abc", k=chance.randint(1, 5)))
            for _ in range(chance.randint(1, 6))
        ]
        trie = ForbiddenTrie(map(codes, patterns))
        text = "".join(chance.choices("abc", k=12))
        for end in range(len(text) + 1):
            assert (trie.walk(0, codes(text[:end])) == COMPLETE) is holds(patterns, text[:end])
            if holds(patterns, text[:end]):
                break


def test_nodes_are_numbered_breadth_first_and_none_is_below_a_complete_pattern() -> None:
    trie = ForbiddenTrie(map(codes, ["abcd", "b", "abx", "cab", "ca"]))
    # "ab" holds "b", and "ca" ends there: only "", "c" and "a" remain.
    assert len(trie) == 3
    assert trie.children[0] == {ord("b"): COMPLETE, ord("c"): 1, ord("a"): 2}
    assert trie.children[1] == {ord("a"): COMPLETE}
    assert trie.children[2] == {ord("b"): COMPLETE}
    links = ForbiddenTrie(map(codes, ["aaab", "aac"])).failure
    assert links == [0, 0, 1, 2]


def test_words_have_markers_at_their_bounds_and_case_is_folded() -> None:
    plain = LetterSplitter(whole_words=False, ignore_case=False)
    assert plain.split("A-b") == codes("A-b")
    assert (plain.start, plain.end) == ((), ())
    folding = LetterSplitter(whole_words=False, ignore_case=True)
    assert folding.split("A\u00df\u0130\u212a") == codes("assi\u0307k")
    words = LetterSplitter(whole_words=True, ignore_case=False)
    assert words.split("a-b") == [ord("a"), WORD_MAY_END, ord("-"), WORD_MAY_START, ord("b")]
    assert words.patterns(["a"]) == {(WORD_MAY_START, ord("a"), WORD_MAY_END): "a"}


def test_strings_are_forbidden_as_they_are_and_in_form_nfc() -> None:
    splitter = LetterSplitter(whole_words=False, ignore_case=False)
    assert set(splitter.patterns(["e\u0301"])) == {(0x65, 0x301), (0xE9,)}
    assert set(splitter.patterns(["\ud83d\ude00", "\ud800"])) == {(0x1F600,), (0xFFFD,)}


@pytest.mark.parametrize(
    ("character", "expected"),
    [("a", True), ("7", True), ("_", True), ("\u0301", True), ("\u65e5", True), ("-", False)],
)
def test_word_characters_are_letters_marks_digits_and_underscores(
    character: str, expected: bool
) -> None:
    assert is_word_character(ord(character)) is expected
