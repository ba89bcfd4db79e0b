"""Lines cut and cleaned by NumPy agree with Python's split and clean of each line."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charloom.data.line_splitter import character_flags, is_known_clean, split_lines
from charloom.data.reading_notes import ReadingNotes
from charloom.settings import TextSettings
from charloom.text.cleaning import clean, clean_document
from charloom.text.symbols import replace_surrogates

CLEANED, KEPT = TextSettings(), TextSettings(clean=False)
SPACE, MAY_NEED_REPAIR, MAY_NOT_BE_NFC = 1, 2, 4
PIECES = st.sampled_from(
    ["a", " ", "\n", "\n\n", "\t", "\r", "\0", "\x1e", "\u3000", "&#10;", "&lt;b&gt;", " #39;", ";"]
    + [
        "<br>",
        "<i",
        "e",
        "\u0301",
        "\u1161",
        "\u1100",
        "가",
        "é",
        "\ufeff",
        "😀",
        "\ud83d",
        "\ude00",
    ]
)
TEXTS = st.lists(PIECES, max_size=20).map("".join) | st.text()


@given(text=TEXTS)
@example(" " * 9 + "x" + "\t" * 9 + "\n" + "y")
@example("a&#10;b\nc")
def test_cleaned_lines_agree_with_cleaning_each_line(text: str) -> None:
    lines = [clean_document(line, CLEANED) for line in text.split("\n")]
    assert split_lines(text, CLEANED, ReadingNotes()).texts() == [line for line in lines if line]


@given(text=TEXTS | st.text("Nov 24&#;\n"))
def test_masked_lines_agree_with_masking_each_line(text: str) -> None:
    for cleaned in (True, False):
        settings = TextSettings(mask_digits=True, clean=cleaned)
        lines = [clean_document(line, settings) for line in text.split("\n")]
        block = split_lines(text, settings, ReadingNotes())
        assert block.texts() == [line for line in lines if line.strip()]


@given(text=TEXTS)
def test_lines_that_are_not_cleaned_keep_their_white_space(text: str) -> None:
    lines = replace_surrogates(text).split("\n")
    assert split_lines(text, KEPT, ReadingNotes()).texts() == [
        line for line in lines if line.strip()
    ]


@given(text=TEXTS)
def test_a_text_known_to_be_clean_is_unchanged_by_cleaning(text: str) -> None:
    if is_known_clean(text):
        assert clean(text) == replace_surrogates(text)


@pytest.mark.parametrize("text", ["plain words\nof two lines", "naïve café", "漢字 かな"])
def test_ordinary_text_is_known_to_be_clean(text: str) -> None:
    assert is_known_clean(text)


def test_flags_of_all_characters_agree_with_unicodedata() -> None:
    for code in range(0, sys.maxunicode + 1, 7):  # every seventh, for the time
        if 0xD800 <= code < 0xE000:
            continue
        character = chr(code)
        flags = character_flags(character)
        assert bool(flags & SPACE) == character.isspace()
        assert flags & MAY_NEED_REPAIR or clean(character) == character
        if not flags & MAY_NOT_BE_NFC:
            assert unicodedata.is_normalized("NFC", f"e{character}"), hex(code)
