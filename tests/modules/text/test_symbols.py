"""Each level splits texts into the symbols of hand-made examples."""

import numpy as np
import pytest

from charloom.errors import SettingsError
from charloom.settings import Level
from charloom.text import symbols
from charloom.text.symbols import (
    BYTES,
    code_units,
    count_characters,
    is_symbol,
    iter_symbols,
    join,
    replace_surrogates,
    split,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ACCENT = "e\u0301"


def test_a_char_is_a_code_point() -> None:
    assert split(f"a{ACCENT}\n\0", "char") == ["a", "e", "\u0301", "\n", "\0"]


def test_a_byte_is_shown_as_itself_or_in_hexadecimal() -> None:
    assert split("A <é\n", "byte") == ["A", " ", "<", "<0xC3>", "<0xA9>", "<0x0A>"]
    assert len(set(BYTES)) == 256


def test_text_that_looks_like_a_byte_symbol_is_not_one() -> None:
    assert split("<0x0A>", "byte") == list("<0x0A>")
    assert join(list("<0x0A>"), "byte") == "<0x0A>"


def test_a_grapheme_is_one_perceived_character() -> None:
    assert split(f"{ACCENT}{FAMILY}🇫🇷\r\nx", "grapheme") == [ACCENT, FAMILY, "🇫🇷", "\r\n", "x"]
    assert split("a\r\n\nb", "grapheme") == ["a", "\r\n", "\n", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, Ana!", ["Don't", " ", "stop", ",", " ", "Ana", "!"]),
        ("l’été 'quoted'", ["l’été", " ", "'", "quoted", "'"]),
        ("rock 'n' roll\t\n", ["rock", " ", "'", "n", "'", " ", "roll", "\t", "\n"]),
        ("In 1999: 3.14", ["In", " ", "1999", ":", " ", "3", ".", "14"]),
        (f"caf{ACCENT}s", [f"caf{ACCENT}s"]),
        ("北京abc大学", ["北", "京", "abc", "大", "学"]),
        ("ひらカタ", ["ひ", "ら", "カ", "タ"]),
        ("\u0e20\u0e32\u0e29\u0e32", list("\u0e20\u0e32\u0e29\u0e32")),
        ("\u0e17\u0e35\u0e48", ["\u0e17\u0e35\u0e48"]),
        ("مرحبا بالعالم", ["مرحبا", " ", "بالعالم"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        (f"hi {FAMILY}!", ["hi", " ", FAMILY, "!"]),
        ("<eos>", ["<", "eos", ">"]),
    ],
)
def test_closed_words_punctuation_and_white_space(text: str, expected: list[str]) -> None:
    assert split(text, "closed-word") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, Ana!", ["Don't", " stop", ",", " Ana", "!"]),
        ("l’été 'quoted'", ["l’été", " '", "quoted", "'"]),
        ("a  b \tc\n d ", ["a", " ", " b", " ", "\t", "c", "\n", " d", " "]),
        ("In 1999: 3.14", ["In", " 1999", ":", " 3", ".", "14"]),
        ("北京 abc大学", ["北", "京", " abc", "大", "学"]),
        ("مرحبا بالعالم", ["مرحبا", " بالعالم"]),
        (f"hi {FAMILY}!", ["hi", f" {FAMILY}", "!"]),
        ("<unk> x", ["<", "unk", ">", " x"]),
    ],
)
def test_a_space_belongs_to_the_word_after_it(text: str, expected: list[str]) -> None:
    assert split(text, "word") == expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("Cl|Br", "CClBrCl2", ["C", "Cl", "Br", "Cl", "2"]),
        (r"\[[^]]*\]", "C[nH]c[N+]", ["C", "[nH]", "c", "[N+]"]),
        (r"\w*", "ab, c", ["ab", ",", " ", "c"]),
        ("(?<=a)b+", "abbb b", ["a", "bbb", " ", "b"]),
        ("(?s).+", "ab\ncd", ["ab\n", "cd"]),
        ("x", "", []),
    ],
)
def test_matches_and_other_characters(pattern: str, text: str, expected: list[str]) -> None:
    assert split(text, "char", pattern) == expected


def test_a_slow_pattern_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbols, "SPLIT_SECONDS", 0.1)
    with pytest.raises(SettingsError) as error:
        split("a" * 5000 + "!", "char", r"(a|aa)+(b|c)\1$")
    assert str(error.value) == (
        r"token-pattern is '(a|aa)+(b|c)\\1$': its matches in a line of 5,001 characters took more "
        "than 0 s; an expression without nested repetitions is needed; simplify it."
    )


def test_bytes_that_are_not_utf8_become_the_replacement_character() -> None:
    assert join(["a", "<0xC3>", "b", "<0xFF>"], "byte") == "a\ufffdb\ufffd"


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
def test_lone_surrogates_become_the_replacement_character(level: Level) -> None:
    assert join(split("a\ud800b", level), level) == "a\ufffdb"
    assert replace_surrogates("\ud83d\ude00") == "😀"


def test_characters_of_a_symbol_are_its_code_points() -> None:
    assert count_characters(ACCENT, "grapheme") == 2
    assert count_characters("word", "word") == 4
    assert [count_characters(s, "byte") for s in split("é€😀a", "byte")] == [
        1,
        0,
        1,
        0,
        0,
        1,
        0,
        0,
        0,
        1,
    ]


def test_is_symbol_accepts_the_symbols_of_a_level() -> None:
    assert is_symbol("<0x0A>", "byte") and not is_symbol("é", "byte")
    assert is_symbol("é", "char") and not is_symbol("ab", "char") and not is_symbol("", "char")
    assert is_symbol("ab", "word") and not is_symbol("", "word")


def test_code_units_are_code_points_or_bytes() -> None:
    assert code_units("a😀", "char").tolist() == [97, 0x1F600]
    assert code_units("é", "byte").tolist() == [0xC3, 0xA9]
    assert code_units("\ud800", "char").dtype == np.uint32


def test_symbols_are_yielded_one_by_one() -> None:
    assert next(iter_symbols("word " * 10, "word")) == "word"
