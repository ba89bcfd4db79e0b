"""Prefixes against Python's decoder."""

import random

import numpy as np

from charloom.generation.utf8_prefixes import CODES, Prefix, Utf8Prefixes


def classes_of(letters: str) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    result = np.zeros(CODES, np.int32)
    for index, letter in enumerate(letters, start=1):
        result[ord(letter)] = index
    return result


def step(prefix: Prefix, byte: int) -> Prefix | int | None:
    """Return the class of a whole character, a longer prefix, or None for an invalid byte."""
    for index, bytes_ in prefix.classes.items():
        if byte in bytes_:
            return index
    for longer, bytes_ in prefix.longer.items():
        if byte in bytes_:
            return longer
    return None


def test_all_characters_are_decoded_to_their_classes() -> None:
    class_of_code = classes_of("\u00e9\u65e5\U0001f600\uffff\U0010ffff\u0800")
    after_lead = Utf8Prefixes(class_of_code).after_lead
    chance = random.Random(2)
    codes = [*map(int, np.flatnonzero(class_of_code)), 0x80, 0x7FF, 0xD7FF, 0xE000, 0x10000]
    codes += [code for code in chance.choices(range(0x80, CODES), k=3000) if code >> 11 != 27]
    for code in codes:
        data = chr(code).encode()
        found: Prefix | int | None = after_lead[data[0]]
        for byte in data[1:]:
            assert isinstance(found, Prefix)
            assert byte not in found.invalid
            found = step(found, byte)
        assert found == class_of_code[code]


def test_bytes_that_may_not_follow_are_those_of_the_decoder() -> None:
    """Python's decoder keeps the bytes that may begin a character."""
    after_lead = Utf8Prefixes(classes_of("\u00e9")).after_lead
    assert sorted(after_lead) == [*range(0xC2, 0xF5)]
    for lead, prefix in after_lead.items():
        for byte in range(256):
            try:
                bytes([lead, byte]).decode()
                follows = True
            except UnicodeDecodeError as error:
                follows = error.reason == "unexpected end of data"
            assert (byte in prefix.invalid) is not follows, (lead, byte)


def test_prefixes_with_the_same_completions_are_merged() -> None:
    prefixes = Utf8Prefixes(classes_of("\u65e5"))
    # Of two and three bytes to come: with the letter and without; and of four.
    assert len(prefixes.prefixes) < 20
    assert prefixes.after_lead[0xE6].reachable == {0, 1}
    assert prefixes.after_lead[0xE7].reachable == {0}
    assert prefixes.after_lead[0xC3] is prefixes.after_lead[0xC4]
