"""The automaton over symbols, against a walk through the trie for each state and symbol."""

import random

import numpy as np
import pytest

from charloom.generation.forbidden_symbols import TooManyExceptionsError, build_sparse_automaton
from charloom.generation.forbidden_trie import COMPLETE, ForbiddenTrie, LetterSplitter

CHARACTERS = "abA -"


@pytest.mark.parametrize("whole_words", [False, True])
@pytest.mark.parametrize("ignore_case", [False, True])
def test_every_state_and_symbol_is_that_of_the_trie(whole_words: bool, ignore_case: bool) -> None:
    chance = random.Random(1)
    splitter = LetterSplitter(whole_words=whole_words, ignore_case=ignore_case)

    def words(most: int, longest: int) -> set[str]:
        return {
            "".join(chance.choices(CHARACTERS, k=chance.randint(1, longest))) for _ in range(most)
        }

    states = 0
    for _ in range(100):
        trie = ForbiddenTrie(splitter.patterns(words(chance.randint(1, 6), 5)))
        letters = [(), (), *map(splitter.split, sorted(words(8, 4)))]
        made = build_sparse_automaton(trie, letters, 10_000)
        assert len(made) == len(trie)
        rows = made.rows(np.arange(len(trie)))
        assert (rows[:, :2] == -1).all()
        for node in range(len(trie)):
            assert rows[node, 2:].tolist() == [trie.walk(node, each) for each in letters[2:]]
            assert made.may_end_F[node] == (trie.walk(node, splitter.end) != COMPLETE)
        states += len(trie)
    assert states > 300


def test_a_limit_on_the_exceptions_is_kept() -> None:
    splitter = LetterSplitter(whole_words=False, ignore_case=False)
    letters = [splitter.split(symbol) for symbol in ("a", "ab", "abc", "b")]
    trie = ForbiddenTrie([splitter.split("bab")])
    build_sparse_automaton(trie, letters, 4)
    with pytest.raises(TooManyExceptionsError):
        build_sparse_automaton(trie, letters, 2)
    # Each node has few exceptions of its own, but many along its failure links.
    trie = ForbiddenTrie([splitter.split("aaaaaaab")])
    own = 8
    with pytest.raises(TooManyExceptionsError):
        build_sparse_automaton(trie, letters[:1], own)
