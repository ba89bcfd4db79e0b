"""The pieces, joined, are the text up to a stop string, whose beginning is held back."""

from hypothesis import given
from hypothesis import strategies as st

from charloom.generation.detokenizer import IncrementalDetokenizer
from charloom.settings import Level
from charloom.text.symbols import BYTES, join, split

levels: st.SearchStrategy[Level] = st.sampled_from(
    ["char", "byte", "grapheme", "word", "closed-word"]
)
stops = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3)


def pushed(pieces: IncrementalDetokenizer, symbols: list[str]) -> list[str]:
    result = []
    for symbol in symbols:
        result.append(pieces.push([symbol])[0])
        if pieces.stopped:
            break
    return [*result, pieces.finish()]


@given(text=st.text(), level=levels)
def test_without_stop_strings_the_pieces_are_the_text(text: str, level: Level) -> None:
    assert "".join(pushed(IncrementalDetokenizer(level), split(text, level))) == text


@given(symbols=st.lists(st.sampled_from(BYTES)))
def test_bytes_that_are_not_utf8_are_replaced_as_by_join(symbols: list[str]) -> None:
    assert "".join(pushed(IncrementalDetokenizer("byte"), symbols)) == join(symbols, "byte")


@given(text=st.text("abc "), level=levels, stop=stops)
def test_the_text_ends_before_the_stop_string_that_is_complete_first(
    text: str, level: Level, stop: list[str]
) -> None:
    expected, found = text, False
    for end in range(len(text) + 1):
        complete = [one for one in stop if text[:end].endswith(one)]
        if complete:
            expected, found = text[: end - max(map(len, complete))], True
            break
    pieces = IncrementalDetokenizer(level, stop)
    assert "".join(pushed(pieces, split(text, level))) == expected
    assert pieces.stopped == found


def test_only_the_possible_beginning_of_a_stop_string_is_held_back() -> None:
    pieces = IncrementalDetokenizer("char", ["END", "NOW"])
    assert [pieces.push([symbol])[0] for symbol in "aEbENcENOx"] == [
        *("a", "", "Eb", "", "", "ENc", "", "", "E", "NOx")
    ]
    assert pieces.push(["N"])[0] == ""
    assert pieces.finish() == "N"
    assert not pieces.stopped


def test_a_character_of_several_bytes_is_one_piece() -> None:
    pieces = IncrementalDetokenizer("byte")
    assert [pieces.push([symbol])[0] for symbol in split("a€b", "byte")] == ["a", "", "", "€", "b"]


def test_an_unfinished_character_at_the_end_is_replaced() -> None:
    pieces = IncrementalDetokenizer("byte")
    assert pieces.push(split("€", "byte")[:1])[0] == ""
    assert pieces.finish() == "\ufffd"


def test_nothing_follows_a_stop_string() -> None:
    pieces = IncrementalDetokenizer("word", ["ow"])
    assert [pieces.push(["now"])[0], pieces.finish()] == ["n", ""]
    assert pieces.stopped


@given(text=st.text("abc é"), level=levels, stop=stops, size=st.integers(1, 9))
def test_symbols_pushed_together_give_the_same_text_as_one_by_one(
    text: str, level: Level, stop: list[str], size: int
) -> None:
    symbols = split(text, level)
    one_by_one, at_once = IncrementalDetokenizer(level, stop), IncrementalDetokenizer(level, stop)
    released, added = [], 0
    for first in range(0, len(symbols), size):
        piece, count = at_once.push(symbols[first : first + size])
        released.append(piece)
        added += count
        if at_once.stopped:
            break
    expected = pushed(one_by_one, symbols)
    assert "".join([*released, at_once.finish()]) == "".join(expected)
    assert at_once.stopped == one_by_one.stopped
    assert added == len(expected) - 1
