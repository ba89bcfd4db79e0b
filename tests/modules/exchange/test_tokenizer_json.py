import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import make_vocabulary

from charloom.exchange.tokenizer_json import is_portable, tokenizer_json
from charloom.settings import Level
from charloom.text.symbols import BYTES, split
from charloom.text.vocabulary import Vocabulary

TEXT = (
    "One café,\r\n'two' can't\t\n\n\x85three\u2028 <eos>e\u0301\U0001f600 <unk> a  b \u6f22\u5b57"
)
TEXTS = st.text(st.sampled_from(sorted({*TEXT, *"xClBr[]12\u0302\x0b"})), max_size=30)
PATTERN = r"\[[^\]]*\]|Cl|Br|<eos>|\d{2,3}|(?:ab)+?|e\."


def vocabulary_of(level: Level, pattern: str | None = None, text: str = TEXT) -> Vocabulary:
    symbols = dict.fromkeys(split(text, level, pattern))
    known = [symbol for symbol in symbols if symbol not in ("<eos>", "<unk>")]
    if pattern is not None or level == "word":
        known = list(dict.fromkeys([*known, *text]))
    return Vocabulary(
        level=level,
        token_pattern=pattern,
        symbols=("<eos>", "<unk>", *known),
        counts=(1,) * (len(known) + 2),
    )


def load(vocabulary: Vocabulary) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json.dumps(tokenizer_json(vocabulary).content))


LEVELS: list[tuple[Level, str | None]] = [
    *(("char", None), ("byte", None), ("grapheme", None), ("word", None), ("closed-word", None)),
    ("char", PATTERN),
]


@pytest.mark.needs("tokenizers")
@pytest.mark.parametrize(("level", "pattern"), LEVELS)
def test_a_known_text_round_trips(level: Level, pattern: str | None) -> None:
    vocabulary = vocabulary_of(level, pattern)
    tokenizer = load(vocabulary)
    ids = tokenizer.encode(TEXT).ids
    assert ids == vocabulary.encode(TEXT).tolist()
    assert 0 not in ids
    if level in {"char", "byte", "word"}:
        assert 1 not in ids
        assert tokenizer.decode(ids) == TEXT
        assert tokenizer.decode([0, *ids, 0]) == TEXT
        assert tokenizer.decode([0, *ids, 0], skip_special_tokens=False) == TEXT


@pytest.mark.needs("tokenizers")
@pytest.mark.parametrize(("level", "pattern"), LEVELS)
@given(text=TEXTS)
def test_any_text_has_the_same_ids(level: Level, pattern: str | None, text: str) -> None:
    vocabulary = vocabulary_of(level, pattern, "One [can't] Clab12\n")
    assert load(vocabulary).encode(text).ids == vocabulary.encode(text).tolist()


@pytest.mark.needs("tokenizers")
def test_every_byte_is_a_symbol_of_its_own() -> None:
    vocabulary = make_vocabulary(BYTES, "byte")
    tokenizer = load(vocabulary)
    text = "".join(map(chr, range(0x250))) + "\U0001f600"
    ids = tokenizer.encode(text).ids
    assert ids == [byte + 2 for byte in text.encode()]
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode([2 + 0xFF, 2 + 0x41]) == "\ufffdA"


@pytest.mark.needs("tokenizers")
def test_a_typed_boundary_is_characters() -> None:
    vocabulary = make_vocabulary("<eos>unk")
    tokenizer = load(vocabulary)
    assert tokenizer.encode("<eos><unk>").tokens == list("<eos><unk>")
    assert tokenizer.decode(tokenizer.encode("<eos>").ids) == "<eos>"
    assert tokenizer.token_to_id("<eos>") == 0
    assert tokenizer.encode("?").ids == [1]
    assert tokenizer.decode([2, 1, 3]) == "<\ufffde"


@pytest.mark.needs("tokenizers")
def test_a_pattern_that_is_not_portable_takes_the_longest_symbol() -> None:
    pattern = r"(?i)cl|(?<=x)\*\^"
    vocabulary = vocabulary_of("char", pattern, "Clx*^a-]\n")
    made = tokenizer_json(vocabulary)
    assert made.difference == (
        "the tokenizer cannot express the token pattern, and takes the longest symbol of the "
        "vocabulary instead, which can split a text in another way"
    )
    assert load(vocabulary).encode("aClx*^*^").tokens == ["a", "Cl", "x", "*^", "*^"]


def test_the_differences_are_described() -> None:
    for level, pattern in LEVELS:
        difference = tokenizer_json(vocabulary_of(level, pattern)).difference
        assert (difference is None) == (level in ("char", "byte"))
    conjuncts = "conjuncts of Indic scripts"
    assert conjuncts in str(tokenizer_json(vocabulary_of("grapheme")).difference)


@pytest.mark.parametrize(
    "pattern",
    ["Cl|Br", r"\[[^\]]+\]", r"[a-z]{2,4}", r"(?:ab|cd)+", r"(a|b)c", r"\d+\.\d", "é+?", r"[-+]\d"],
)
def test_portable_patterns(pattern: str) -> None:
    assert is_portable(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?i)a", r"\w+", r"a*", "a|", "(?<=a)b", "(?=a)a", "^a", "a$", r"\X", r"\p{L}", "a++"),
        *("[[a]]", "[a&&b]", "a{2}+", "a{2}?", "a{,2}", "(?P<x>a)", r"(a)\1", r"\ba", r"[a--b]"),
    ],
)
def test_other_patterns_are_not_portable(pattern: str) -> None:
    assert not is_portable(pattern)
