"""A text from blocks of ids, against one that is cut symbol by symbol with plain strings."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import make_vocabulary

from charloom.generation.detokenizer import GeneratedText, PartialText
from charloom.settings import Level, SamplingSettings
from charloom.text.symbols import split
from charloom.text.vocabulary import EOS, Vocabulary

CHARS = make_vocabulary("abc")
WORDS = make_vocabulary(["a", "ab", "bca", " "], "word")


def fed(
    vocabulary: Vocabulary, ids: list[int], nats: list[float], settings: SamplingSettings, size: int
) -> tuple[GeneratedText, list[str]]:
    """Append blocks of ids until the text has ended; return it and the pieces."""
    text, pieces = PartialText(settings.seed, vocabulary, settings), list[str]()
    for first in range(0, len(ids), size):
        # As in the decode loop, no block exceeds the maximum length.
        block = slice(first, min(first + size, settings.length))
        pieces.append(text.append(ids[block], np.array(nats[block])))
        if text.stopped:
            break
    return text.finish("c", "".join(pieces)), pieces


def by_hand(
    symbols: tuple[str, ...], ids: list[int], stops: tuple[str, ...], length: int
) -> tuple[str, int, str]:
    """Return the text, the number of its symbols, and what ended it."""
    text = ""
    for count, index in enumerate(ids, start=1):
        if index == EOS:
            return text, count, "eos"
        for end in range(len(text) + 1, len(text) + len(symbols[index]) + 1):
            shown = (text + symbols[index])[:end]
            complete = [stop for stop in stops if shown.endswith(stop)]
            if complete:
                return shown[: end - max(map(len, complete))], count, "stop"
        text += symbols[index]
        if count == length:
            return text, count, "length"
    raise AssertionError("the text has not ended")


@given(
    vocabulary=st.sampled_from([CHARS, WORDS]),
    body=st.lists(st.integers(2, 4), max_size=30),
    stops=st.lists(st.text("abc ", min_size=1, max_size=3), max_size=3),
    length=st.integers(1, 40),
    size=st.integers(1, 40),
)
def test_blocks_of_any_size_give_the_text_that_is_cut_by_hand(
    vocabulary: Vocabulary, body: list[int], stops: list[str], length: int, size: int
) -> None:
    ids = [*body, EOS]
    nats = [0.1 + 0.37 * k for k in range(len(ids))]
    settings = SamplingSettings(length=length, stop=tuple(stops), seed=8, label="x")
    text, pieces = fed(vocabulary, ids, nats, settings, size)
    added, count, stopped = by_hand(vocabulary.symbols, ids, tuple(stops), length)
    assert text.text == "c" + added == "c" + "".join(pieces)
    assert (text.symbols, text.stopped) == (count, stopped)
    assert text.bits == pytest.approx(sum(nats[:count]) / math.log(2))
    assert (text.prompt, text.seed, text.label) == ("c", 8, "x")


@pytest.mark.parametrize(
    ("options", "text", "symbols", "stopped"),
    [
        ({}, "abcab", 6, "eos"),
        ({"length": 6}, "abcab", 6, "eos"),
        ({"length": 5}, "abcab", 5, "length"),
        ({"stop": ("ca",)}, "ab", 4, "stop"),
        ({"stop": ("ca",), "length": 4}, "ab", 4, "stop"),
        ({"stop": ("ca",), "length": 3}, "abc", 3, "length"),
        ({"stop": ("abx",)}, "abcab", 6, "eos"),
        ({"stop": ("a",)}, "", 1, "stop"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 64])
def test_a_text_ends_at_the_boundary_the_length_or_a_stop_string(
    options: dict[str, Any], text: str, symbols: int, stopped: str, size: int
) -> None:
    """A stop string may be complete with the last symbol that the length allows."""
    ids = [*CHARS.encode("abcab").tolist(), EOS]
    got, _ = fed(CHARS, ids, [1.0] * 6, SamplingSettings(**options), size)
    assert (got.text, got.symbols, got.stopped) == ("c" + text, symbols, stopped)
    assert got.bits == pytest.approx(symbols / math.log(2))


@pytest.mark.parametrize("size", [1, 2, 3, 64])
def test_bytes_are_joined_to_whole_characters_and_a_rest_is_replaced(size: int) -> None:
    level: Level = "byte"
    vocabulary = make_vocabulary(sorted(set(split("é€b", level))), level)
    ids = vocabulary.encode("bé€b").tolist()
    for length, text in ((1, "b"), (2, "b\ufffd"), (3, "bé"), (5, "bé\ufffd"), (7, "bé€b")):
        settings = SamplingSettings(length=length)
        got, pieces = fed(vocabulary, ids, [0.0] * 7, settings, size)
        assert (got.text, got.stopped) == ("c" + text, "length")
        assert "\ufffd" not in "".join(pieces[:-1])
