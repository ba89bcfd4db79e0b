import base64
import re
from itertools import product
from typing import Any

import numpy as np
import pytest
from networks import make_vocabulary

from charloom.errors import SettingsError
from charloom.exchange.forbidden_json import forbidden_object

VOCABULARY = make_vocabulary("abc")


def read(written: dict[str, Any], name: str) -> list[int]:
    values: list[int] = np.frombuffer(base64.b64decode(written[name]), "<i4").tolist()
    return values


def follow(written: dict[str, Any], ids: list[int]) -> int:
    """Follow the tables of an automaton, as their description says."""
    state, default, base = written["start"], read(written, "default"), read(written, "base")
    offsets, symbols = read(written, "offsets"), read(written, "symbols")
    targets, size = read(written, "targets"), len(VOCABULARY)
    for index in ids:
        row = default[base[state] * size : base[state] * size + size]
        for e in range(offsets[state], offsets[state + 1]):
            row[symbols[e]] = targets[e]
        state = row[index]
        if state < 0:
            break
    return int(state)


def test_it_has_a_state_after_the_texts_without_a_forbidden_string() -> None:
    """All texts of up to six letters, compared with a search."""
    written = forbidden_object(("ab", "cca"), VOCABULARY)
    assert set(base64.b64decode(written["may_end"])) == {1}
    for length in range(7):
        for letters in product("abc", repeat=length):
            text = "".join(letters)
            state = follow(written, VOCABULARY.encode(text).tolist())
            assert (state >= 0) == (re.search("ab|cca", text) is None)


def test_whole_words_end_where_a_word_may_end() -> None:
    written = forbidden_object(("ab",), VOCABULARY, whole_words=True)
    may_end = base64.b64decode(written["may_end"])
    texts = {"ab": 0, "abc": 1, "cab": 1, "a": 1}
    for text, expected in texts.items():
        assert may_end[follow(written, VOCABULARY.encode(text).tolist())] == expected


def test_strings_that_leave_nothing_to_write_are_refused() -> None:
    with pytest.raises(SettingsError, match="3 forbidden strings leave nothing to write; forbid"):
        forbidden_object(("a", "b", "c"), VOCABULARY)
