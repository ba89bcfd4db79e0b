"""Lines that are cut, cleaned and stripped all at once, against one line after the other."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charloom.settings import TextSettings
from charloom.text import lines
from charloom.text.cleaning import clean_document, is_clean
from charloom.text.symbols import repair

PIECES = [
    *"ab \t\n;&<>",
    "\x00",
    "\x1c",
    "\x1e",
    "\x85",
    "\xa0",
    "\u2028",
    "\u3000",
    "\ufeff",
    "\u200b",
    "e\u0301",
    "\u0301",
    "\u1100\u1161",
    "\u037e",
    "ß",
    "😀",
    "\ud83d",
    "\ude00",
    "&amp;",
    "&#10;",
    "&#x1e;",
    " #39;",
    "<b>",
    "</p>",
    "      ",
]
texts = st.lists(st.sampled_from(PIECES) | st.characters(exclude_characters="\r")).map("".join)


def one_by_one(text: str, settings: TextSettings) -> list[str]:
    """Return the documents of whole lines, each cleaned by itself."""
    cleaned = [clean_document(line, settings) for line in text.split("\n")]
    return [line for line in cleaned if line and not line.isspace()]


@pytest.mark.parametrize("clean", [True, False])
@given(text=texts)
@example(text="")
@example(text="\n\n")
@example(text=" a \n\t\n b" + " " * 40 + "\n")
def test_all_at_once_is_one_after_the_other(clean: bool, text: str) -> None:
    settings = TextSettings(clean=clean)
    block = lines.cut(text, settings)
    assert block.texts() == one_by_one(text, settings)
    assert block.labels is None and not block.unfinished


@given(text=texts)
def test_what_is_surely_clean_is_clean(text: str) -> None:
    if lines.is_surely_clean(text):
        assert is_clean(repair(text))


def test_a_text_without_doubts_needs_no_second_look() -> None:
    assert lines.is_surely_clean("Plain text, ’quoted’ — ж ü\nand more.")
    assert not lines.is_surely_clean("one; two")


def test_only_what_has_a_shape_can_spoil_the_normal_form() -> None:
    # Unicode says which characters compose with the one before: the second of a decomposition in
    # two, and Hangul's vowels and final consonants.
    seconds = {
        chr(int(parts[1], 16))
        for parts in (unicodedata.decomposition(chr(c)).split() for c in range(sys.maxunicode + 1))
        if len(parts) == 2 and not parts[0].startswith("<")
    }
    seconds |= {chr(c) for c in [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]}
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if 0xD800 <= code <= 0xDFFF or lines.kind(character) & 4:
            continue
        assert character not in seconds and not unicodedata.combining(character)
        assert unicodedata.is_normalized("NFC", character)
