"""join(split(x)) = x, for every level and every text."""

import unicodedata
from collections import Counter

import pytest
import regex
from hypothesis import assume, example, given
from hypothesis import strategies as st

from charloom.settings import Level
from charloom.text.symbols import count_characters, is_symbol, join, split
from charloom.text.vocabulary import Vocabulary

LEVELS: tuple[Level, ...] = ("char", "byte", "grapheme", "word", "closed-word")

# Hard cases of segmentation: joiners, flags, skin tones, keycaps, marks, Hangul parts, line ends,
# right-to-left text and its marks, NUL, apostrophes, and text that looks like a symbol's name.
HARD = [
    *("\u200d", "\u200c", "\ufe0f", "\u20e3", "\u0301", "\u0323", "\u3099", "\u1100", "\u1161"),
    *(
        "😀",
        "👩\u200d🚀",
        "🏳\ufe0f\u200d🌈",
        "👍🏽",
        "🇫🇷",
        "🇩",
        "1\ufe0f\u20e3",
        "\u0600",
        "\u0e33",
    ),
    *("\r\n", "\r", "\n", "\t", "\0", "\u2028", "\u00a0", "\u3000", "\ufeff", "\u200f", "\u202e"),
    *(
        "שלום",
        "مرحبا",
        "हिन्दी",
        "ไทย",
        "漢字",
        "かな",
        "カー",
        "don't",
        "l’a",
        "'",
        "’",
        "_",
        "a1",
        "½",
    ),
    *("<0x0A>", "<eos>", "<unk>", "<", "é", "e\u0301", "ß", "\U0010ffff", "\ufffd", "\uffff"),
]
TEXTS = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(HARD), st.text(max_size=2)), max_size=12).map("".join),
)


@pytest.mark.parametrize("level", LEVELS)
@example("".join(HARD))
@example("".join(reversed(HARD)))
@given(text=TEXTS)
def test_joining_undoes_splitting(level: Level, text: str) -> None:
    symbols = split(text, level)
    assert join(symbols, level) == text
    assert all(is_symbol(symbol, level) for symbol in symbols)


@pytest.mark.parametrize("level", LEVELS)
@given(text=TEXTS)
def test_characters_of_the_symbols_are_those_of_the_text(level: Level, text: str) -> None:
    assert sum(count_characters(symbol, level) for symbol in split(text, level)) == len(text)


PATTERNS = [r"Cl|Br|\[[^]]*\]", r"\w+", r"(?s).+", r".", r"\s*\S", r"(?<=a).|\X"]


@pytest.mark.parametrize("pattern", PATTERNS)
@example("".join(HARD))
@given(text=TEXTS)
def test_joining_undoes_splitting_by_a_pattern(pattern: str, text: str) -> None:
    symbols = split(text, "char", pattern)
    assert join(symbols, "char") == text
    assert all(is_symbol(symbol, "char", pattern) for symbol in symbols)


@pytest.mark.parametrize("pattern", [None, *PATTERNS])
@given(text=TEXTS, others=st.lists(TEXTS, max_size=3), min_count=st.integers(1, 3))
def test_characters_spell_what_a_vocabulary_lacks(
    pattern: str | None, text: str, others: list[str], min_count: int
) -> None:
    level: Level = "word" if pattern is None else "char"
    counts = Counter(s for other in [*others, text] for s in split(other, level, pattern))
    vocabulary = Vocabulary.from_counts(level, [*counts], [*counts.values()], min_count, 1, pattern)
    symbols = list(vocabulary.iter_symbols(text))
    assert "".join(symbols) == text
    total = Counter("".join(others) + text)
    assert all(len(s) == 1 and total[s] < min_count for s in symbols if s not in vocabulary.ids)
    if min_count == 1:
        assert vocabulary.decode(vocabulary.encode(text)) == text


@pytest.mark.parametrize("level", LEVELS)
@given(text=TEXTS)
def test_the_vocabulary_of_a_text_encodes_it_exactly(level: Level, text: str) -> None:
    distinct = sorted(set(split(text, level)))
    vocabulary = Vocabulary.from_counts(level, distinct, [1] * len(distinct), 1, 1)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.unknown_symbols(text) == []


@given(text=TEXTS)
def test_symbols_of_a_level_are_whole_symbols_of_the_level_below(text: str) -> None:
    """Every grapheme is whole code points, every white-space character a closed word.

    At level word, a space is the first character of a symbol. All this except after a prepended
    mark (such as U+0600), which forms one symbol with white space.
    """
    assume(not regex.search(r"\p{Grapheme_Cluster_Break=Prepend}\s", text))
    assert "".join(split(text, "grapheme")) == "".join(split(text, "char"))
    assert split(text, "byte") == [s for c in text for s in split(c, "byte")]
    assert all(" " not in symbol[1:] for symbol in split(text, "word"))
    spaces = [
        s for s in split(text, "closed-word") if unicodedata.category(s[0]) in ("Zs", "Zl", "Zp")
    ]
    assert spaces == [c for c in text if unicodedata.category(c) in ("Zs", "Zl", "Zp")]
