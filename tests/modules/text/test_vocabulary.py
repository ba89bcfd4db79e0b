"""Ids follow from the counts alone; a damaged vocabulary is refused with its fault."""

import json
from typing import Any

import pytest

from charloom.errors import ModelFolderError
from charloom.settings import Level
from charloom.text.symbols import split
from charloom.text.vocabulary import EOS, UNK, Vocabulary


def made(
    text: str, level: Level = "char", min_count: int = 1, token_pattern: str | None = None
) -> Vocabulary:
    symbols = split(text, level, token_pattern)
    distinct = list(dict.fromkeys(symbols))
    counts = [symbols.count(s) for s in distinct]
    return Vocabulary.from_counts(level, distinct, counts, min_count, 7, token_pattern)


def test_order_is_by_count_then_by_symbol() -> None:
    vocabulary = made("cabbbaxx")
    assert vocabulary.symbols == ("<eos>", "<unk>", "b", "a", "x", "c")
    assert vocabulary.counts == (7, 0, 3, 2, 2, 1)
    assert len(vocabulary) == 6


def test_order_does_not_depend_on_the_order_of_appearance() -> None:
    assert made("abcabd") == made("dbacba")


def test_rare_symbols_are_counted_as_unknown() -> None:
    vocabulary = made("aaabbcd", min_count=2)
    assert vocabulary.symbols == ("<eos>", "<unk>", "a", "b")
    assert vocabulary.counts == (7, 2, 3, 2)


def test_symbols_that_never_occur_are_left_out() -> None:
    assert len(Vocabulary.from_counts("char", ["a", "b"], [3, 0], 0, 1)) == 3


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
def test_ids_agree_with_a_dictionary(level: Level) -> None:
    vocabulary = made("the cat sat on the mat, 3 naïve cats", level, min_count=2)
    text = "that 😀 cat, \0 naïve 象"
    index = {s: i for i, s in enumerate(vocabulary.symbols)}
    ids = vocabulary.encode(text)
    assert ids.dtype.name == "int64"
    symbols = split(text, level)
    if level == "word":
        symbols = [part for s in symbols for part in ([s] if s in index else s)]
    assert ids.tolist() == [index.get(s, UNK) for s in symbols]


def test_rare_words_are_spelled_in_characters() -> None:
    vocabulary = made("the cat, the hat, that cat ate", "word", min_count=2)
    # "the", "cat" without a space and "hat" are rare; "e" is a character of "the" and "ate" only.
    assert dict(zip(vocabulary.symbols, vocabulary.counts, strict=True)) == {
        "<eos>": 7,
        "<unk>": 0,
        " cat": 2,
        ",": 2,
        " ": 4,
        "a": 3,
        "e": 3,
        "h": 4,
        "t": 6,
        "c": 0,
    }
    assert list(vocabulary.iter_symbols("the cats")) == ["t", "h", "e", *" cats"]
    assert vocabulary.unknown_symbols("the cats") == ["s"]
    assert made("ab ab", "closed-word").unknown_symbols("abc") == ["abc"]


def test_rare_matches_of_a_token_pattern_are_spelled() -> None:
    vocabulary = made("CClBrCCl", "char", 2, "Cl|Br")
    assert vocabulary.symbols == ("<eos>", "<unk>", "C", "Cl", "l")
    assert vocabulary.counts == (7, 2, 2, 2, 0)
    assert list(vocabulary.iter_symbols("ClBrl")) == ["Cl", "B", "r", "l"]
    assert vocabulary.encode("ClBrl").tolist() == [3, UNK, UNK, 4]


def test_every_character_of_a_word_has_an_id() -> None:
    vocabulary = made("one two two", "word", min_count=1)
    assert vocabulary.decode(vocabulary.encode("two wen on")) == "two wen on"


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
def test_decoding_undoes_encoding(level: Level) -> None:
    text = "naïve 😀, mat"
    vocabulary = made(text, level)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.encode("").tolist() == []


def test_text_that_names_the_special_symbols_is_only_text() -> None:
    vocabulary = made("<eos> <unk>")
    assert min(vocabulary.encode("<eos>")) > UNK


@pytest.mark.parametrize("bad", [EOS, UNK, 4, -1])
def test_ids_without_text_are_refused(bad: int) -> None:
    with pytest.raises(ValueError, match=rf"^id {bad} has no text; ids with a text: 2 to 3$"):
        made("ab").decode([2, bad])


def test_unknown_symbols_are_listed_once_in_order() -> None:
    assert made("abc").unknown_symbols("zebra x😀x") == ["z", "e", "r", " ", "x", "😀"]


def test_an_empty_vocabulary_encodes_everything_as_unk() -> None:
    assert made("").encode("ab\0").tolist() == [UNK, UNK, UNK]


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
def test_json_round_trip(level: Level) -> None:
    vocabulary = made("a naïve\n😀 one", level)
    record = json.loads(json.dumps(vocabulary.to_json(), ensure_ascii=False))
    assert set(record) == {"level", "token_pattern", "symbols", "counts"}
    assert Vocabulary.from_json(record) == vocabulary


RECORD: dict[str, Any] = {"level": "char", "symbols": ["<eos>", "<unk>", "a"], "counts": [1, 0, 2]}


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ([], "is no object with level, symbols and counts"),
        ({"level": "char"}, "is no object with level, symbols and counts"),
        (
            RECORD | {"level": "rune"},
            "has level 'rune'; allowed: char, byte, grapheme, word, closed-word",
        ),
        (
            RECORD | {"level": ["char"]},
            "has level ['char']; allowed: char, byte, grapheme, word, closed-word",
        ),
        (RECORD | {"token_pattern": 3}, "has token pattern 3, which is no text"),
        (RECORD | {"symbols": ["a"]}, "has symbols that do not begin with <eos> and <unk>"),
        (RECORD | {"symbols": "abc"}, "has symbols that do not begin with <eos> and <unk>"),
        (
            RECORD | {"symbols": ["<eos>", "<unk>", "ab"]},
            "holds 'ab', which is no symbol of level char",
        ),
        (RECORD | {"symbols": ["<eos>", "<unk>", 3]}, "holds 3, which is no symbol of level char"),
        (RECORD | {"symbols": ["<eos>", "<unk>", "a", "a"]}, "holds a symbol twice"),
        (RECORD | {"counts": [1]}, "has not one count for each symbol"),
        (RECORD | {"counts": [1, 0, -2]}, "has counts that are not whole numbers from 0"),
        (RECORD | {"counts": [1, 0, 0.5]}, "has counts that are not whole numbers from 0"),
    ],
)
def test_a_damaged_vocabulary_is_refused(record: Any, fault: str) -> None:
    with pytest.raises(ModelFolderError) as error:
        Vocabulary.from_json(record)
    assert str(error.value) == (
        f"the vocabulary {fault}; it is damaged or altered: restore it, or train again."
    )
