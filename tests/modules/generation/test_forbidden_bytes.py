"""States after bytes, against a search in the text that Python decodes."""

import codecs
import random

import numpy as np
import pytest
import regex

from charloom.generation.forbidden_bytes import ByteStates, classify
from charloom.generation.forbidden_trie import COMPLETE, ForbiddenTrie, LetterSplitter

CHARACTERS = "ak\u212as\u00df-. \u00e9\ufffd\u65e5"
LIMIT = 100_000


def holds(strings: list[str], text: str, splitter: LetterSplitter) -> bool:
    if splitter.ignore_case:
        text, strings = text.casefold(), [string.casefold() for string in strings]
    if splitter.whole_words:
        return any(regex.search(rf"(?<!\w){regex.escape(s)}(?!\w)", text) for s in strings)
    return any(string in text for string in strings)


@pytest.mark.parametrize("whole_words", [False, True])
@pytest.mark.parametrize("ignore_case", [False, True])
def test_states_are_those_of_the_decoded_text(whole_words: bool, ignore_case: bool) -> None:
    chance = random.Random(3)
    splitter = LetterSplitter(whole_words=whole_words, ignore_case=ignore_case)
    for _ in range(6):
        strings = ["".join(chance.choices(CHARACTERS, k=chance.randint(1, 3))) for _ in range(4)]
        trie = ForbiddenTrie(splitter.patterns(strings))
        states = ByteStates(trie, splitter, LIMIT)
        for _ in range(60):
            state, data = trie.walk(0, splitter.start), b""
            while len(data) < 9 and state != COMPLETE:
                if chance.random() < 0.2:
                    added = bytes([chance.randrange(256)])
                else:
                    added = chance.choice(CHARACTERS).encode()[: chance.randint(1, 3)]
                for byte in added:
                    data += bytes([byte])
                    state = int(states.automaton.rows(np.array([state]))[0, byte])
                    if state == COMPLETE:
                        break
                whole = codecs.getincrementaldecoder("utf-8")("replace").decode(data)
                # A letter follows, so that a word at the end is not whole.
                after = "_" if whole_words else ""
                assert (state == COMPLETE) is holds(strings, whole + after, splitter), data
                if state != COMPLETE:
                    may_end = not holds(strings, data.decode(errors="replace"), splitter)
                    assert states.automaton.may_end_F[state] == may_end, data
                    broken = states.without_prefix[state]
                    ended = trie.walk(broken, splitter.end) if broken != COMPLETE else COMPLETE
                    assert (ended != COMPLETE) is may_end


def test_characters_are_classed_by_their_letters() -> None:
    splitter = LetterSplitter(whole_words=True, ignore_case=True)
    class_of_code, letters = classify(ForbiddenTrie(splitter.patterns(["sk"])), splitter)
    same = [class_of_code[ord(character)] for character in "sS\u017f"]
    assert len(set(same)) == 1
    assert letters[class_of_code[ord("\u00df")]] == [ord("s"), ord("s")]
    assert class_of_code[ord("x")] == class_of_code[ord("\u65e5")] != class_of_code[ord("-")]
    assert class_of_code[ord("K")] == class_of_code[0x212A]
