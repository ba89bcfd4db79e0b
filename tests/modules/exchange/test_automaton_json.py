import base64
import re
from itertools import product
from typing import Any

import numpy as np
import pytest

from charloom.errors import SettingsError
from charloom.exchange.automaton_json import automaton_object


def accepts(automaton: dict[str, Any], data: bytes) -> bool:
    """Follow the tables of an automaton, as their description says."""
    class_of_byte = base64.b64decode(automaton["class_of_byte"])
    shape = automaton["states"], automaton["classes"]
    next_SC = np.frombuffer(base64.b64decode(automaton["next"]), "<i4").reshape(shape)
    state = 0
    for byte in data:
        state = int(next_SC[state, class_of_byte[byte]])
        if state < 0:
            return False
    return bool(base64.b64decode(automaton["matches"])[state])


@pytest.mark.parametrize("pattern", ["a", "a|ab", "(ab)*c?", "[^a]b{1,2}", "a*?", "é+|b"])
def test_it_accepts_the_matches_of_the_expression(pattern: str) -> None:
    """All texts of up to four characters, compared with Python's matcher."""
    automaton = automaton_object(pattern)
    for length in range(5):
        for characters in product("abcé", repeat=length):
            text = "".join(characters)
            expected = re.fullmatch(pattern, text) is not None
            assert accepts(automaton, text.encode()) == expected


def test_bytes_that_are_never_told_apart_are_one_class() -> None:
    automaton = automaton_object("[a-m]+z")
    assert (automaton["states"], automaton["classes"]) == (3, 3)


NO_TEXT = r"no text at all matches the expression '[^\\s\\S]'; give one that some text matches."
TOO_LARGE = (
    r"the expression to match, '\\w{50}', is too large; repeat less, or use smaller classes, such "
    r"as [a-z] in place of \w."
)


@pytest.mark.parametrize(("pattern", "message"), [(r"[^\s\S]", NO_TEXT), (r"\w{50}", TOO_LARGE)])
def test_expressions_that_cannot_be_shipped(pattern: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        automaton_object(pattern, max_states=100)
    assert str(error.value) == message
