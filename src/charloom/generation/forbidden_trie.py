"""Forbidden strings as a trie with failure links.

The links are those of Aho and Corasick 1975 (https://doi.org/10.1145/360825.360855).

A text is read as letters: code points, folded if case is ignored. For whole words, two markers are
letters as well. ``WORD_MAY_START`` follows the start of the text and every character that belongs
to no word. ``WORD_MAY_END`` precedes every such character and the end of the text. So a text holds
a string as a whole word if its letters hold those of the string between both markers.
"""

import functools
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from charloom.text.symbols import replace_surrogates

COMPLETE = -1
"""The node after a whole forbidden string, and after any text that holds one."""
WORD_MAY_START, WORD_MAY_END, OTHER = range(0x110000, 0x110003)
"""Letters that are no code points; OTHER stands for all that no forbidden string has."""
LETTERS = 0x110003
"""Number of different letters."""


class LetterSplitter:
    """Turns texts into letters."""

    def __init__(self, *, whole_words: bool, ignore_case: bool) -> None:
        self.whole_words = whole_words
        self.ignore_case = ignore_case
        self.start = (WORD_MAY_START,) if whole_words else ()
        """Letters before a text."""
        self.end = (WORD_MAY_END,) if whole_words else ()
        """Letters after a text."""

    def split(self, text: str) -> list[int]:
        """Return the letters of a part of a text, character by character."""
        if self.ignore_case:
            text = text.casefold()
        codes = list(map(ord, text))
        if not self.whole_words:
            return codes
        letters: list[int] = []
        for code in codes:
            letters += (code,) if is_word_character(code) else enclose(code)
        return letters

    def patterns(self, strings: Iterable[str]) -> dict[tuple[int, ...], str]:
        """Return the letters of each string, as it is and in Unicode's form NFC."""
        return {
            (*self.start, *self.split(form), *self.end): string
            for string in strings
            for text in (replace_surrogates(string),)
            for form in (unicodedata.normalize("NFC", text), text)
        }


def enclose(letter: int) -> tuple[int, int, int]:
    """Return a character that belongs to no word, between its markers."""
    return WORD_MAY_END, letter, WORD_MAY_START


@functools.cache
def is_word_character(code: int) -> bool:
    r"""Return whether ``\w`` of the package regex matches a code point."""
    return _word_pattern().fullmatch(chr(code)) is not None


@functools.cache
def _word_pattern() -> Any:
    import regex

    return regex.compile(r"\w")


class ForbiddenTrie:
    """The trie of some patterns, without the parts below a complete pattern.

    Node 0 is the root. Nodes are numbered breadth-first, so a failure link leads to a lower number.
    """

    def __init__(self, patterns: Iterable[Sequence[int]]) -> None:
        self.children: list[dict[int, int]] = [{}]
        """The node after each letter, or COMPLETE; of each node."""
        self.failure = [0]
        """The node of the longest proper suffix, of each node."""
        self._insert(patterns)
        self._link()

    def __len__(self) -> int:
        return len(self.children)

    def walk(self, node: int, letters: Iterable[int]) -> int:
        """Return the node after some letters; COMPLETE if they complete a pattern."""
        for letter in letters:
            node = self.step(node, letter)
            if node == COMPLETE:
                break
        return node

    def step(self, node: int, letter: int) -> int:
        """Return the node after one letter; COMPLETE if it completes a pattern."""
        while True:
            child = self.children[node].get(letter)
            if child is not None:
                return child
            if node == 0:
                return 0
            node = self.failure[node]

    def _insert(self, patterns: Iterable[Sequence[int]]) -> None:
        # Shorter ones first: a pattern that begins with another one adds nothing.
        for pattern in sorted(patterns, key=len):
            node = 0
            for letter in pattern[:-1]:
                node = self.children[node].setdefault(letter, len(self.children))
                if node == COMPLETE:
                    break
                if node == len(self.children):
                    self.children.append({})
            else:
                self.children[node][pattern[-1]] = COMPLETE

    def _link(self) -> None:
        """Set the failure links, and number the nodes that remain breadth-first."""
        self.failure = [0] * len(self.children)
        order = [0]
        for node in order:
            for letter, child in self.children[node].items():
                link = 0 if node == 0 else self.step(self.failure[node], letter)
                if COMPLETE in (child, link):
                    self.children[node][letter] = COMPLETE
                else:
                    self.failure[child] = link
                    order.append(child)
        number = {node: index for index, node in enumerate(order)} | {COMPLETE: COMPLETE}
        self.failure = [number[self.failure[node]] for node in order]
        self.children = [
            {letter: number[child] for letter, child in self.children[node].items()}
            for node in order
        ]
