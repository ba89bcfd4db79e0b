r"""A vocabulary as ``tokenizer.json``, which the package tokenizers reads.

The split of a text (text/symbols.py) becomes the pre-tokenizer, a regular expression of Oniguruma.
The model maps each piece to its id: ``WordLevel``, or where characters spell unknown symbols,
``BPE`` without merges, which takes a known piece as a whole and spells any other.

``<eos>`` and ``<unk>`` are entries of the model and no added tokens: the package would find added
tokens in texts, so a typed ``<eos>`` would become the boundary. The decoder drops the boundary and
shows ``<unk>`` as U+FFFD. At level byte, bytes have the printable characters of GPT-2's
vocabulary (https://github.com/openai/gpt-2/blob/master/src/encoder.py, ``bytes_to_unicode``).
"""

import dataclasses
import re
from typing import Any, Final

from charloom.text.symbols import BYTES, split
from charloom.text.vocabulary import EOS, UNK, Vocabulary

_LETTERS: Final = r"[\p{L}\p{M}\p{N}&&[^\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]]+"
_WORD: Final = (
    rf"{_LETTERS}(?:['\x{{2019}}\x{{200c}}\x{{200d}}]{_LETTERS})*"
    r"|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]\p{M}*"
)
_ANY: Final = r"[\s\S]"
_PATTERNS: Final = {
    "char": _ANY,
    "byte": _ANY,
    "grapheme": r"\X",
    "word": rf" ?(?:{_WORD}|(?!\s)\X)|\s",
    "closed-word": rf"{_WORD}|\s|\X",
}
_BREAKS: Final = r"\n\x0b\x0c\r\x1c\x1d\x1e\x{85}\x{2028}\x{2029}"
_LINE: Final = rf"[^{_BREAKS}]+(?:\r\n|[{_BREAKS}])?|\r\n|[{_BREAKS}]"
"""The lines of ``str.splitlines``, in which the matches of a token pattern are searched."""

_LITERAL: Final = r"[^\\\[\](){}*+?|.^$]"
_ESCAPE: Final = r"\\(?:[dDnrt]|[^\w\s])"
_CLASS: Final = r"\[\^?(?:(?!&&|--|\|\||~~)(?:[^\\\[\]^]|\\(?:[dnrt]|[^\w\s])))+\]"
_QUANTIFIER: Final = r"(?:[*+?]\??(?![*+?{])|\{\d{1,3}(?:,\d{0,3})?\}(?![*+?{]))"
_PORTABLE: Final = re.compile(
    rf"(?:(?:{_LITERAL}|{_ESCAPE}|{_CLASS}|\.|\))(?:{_QUANTIFIER})?|\((?:\?:)?(?=[^?*+{{|)])|\|)+"
)
"""Expressions that mean the same in Oniguruma and in the package regex."""

_MATCH_NOTE: Final = (
    "the tokenizer cannot express the token pattern, and takes the longest symbol of the "
    "vocabulary instead, which can split a text in another way"
)
_NOTES: Final = {
    "grapheme": "the tokenizer splits conjuncts of Indic scripts, and characters that are newer "
    "than its Unicode tables, in another way",
    "word": "the tokenizer splits characters that are newer than its Unicode tables, and conjuncts "
    "of Indic scripts that are no words, in another way",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerJson:
    """The object of ``tokenizer.json``, and how its split differs from charloom's."""

    content: dict[str, Any]
    difference: str | None
    """None if every text has the same ids in both."""


def tokenizer_json(vocabulary: Vocabulary) -> TokenizerJson:
    """Return the tokenizer of a vocabulary; texts are not cleaned by it."""
    pre_tokenizers, difference = _pre_tokenizers(vocabulary)
    level = vocabulary.level
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": pre_tokenizers},
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                _replace(vocabulary.symbols[EOS], ""),
                _replace(vocabulary.symbols[UNK], "\ufffd"),
                _byte_level() if level == "byte" else {"type": "Fuse"},
            ],
        },
        "model": _model(vocabulary),
    }
    return TokenizerJson(content=content, difference=difference)


def _model(vocabulary: Vocabulary) -> dict[str, Any]:
    symbols = list(vocabulary.symbols)
    if vocabulary.level == "byte":
        shown = dict(zip(BYTES, _byte_characters(), strict=True))
        symbols[UNK + 1 :] = [shown[symbol] for symbol in symbols[UNK + 1 :]]
    ids = {symbol: index for index, symbol in enumerate(symbols)}
    unknown = vocabulary.symbols[UNK]
    if not vocabulary.spells:
        return {"type": "WordLevel", "vocab": ids, "unk_token": unknown}
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": True,  # a piece that is known is taken whole, before any merge
        "vocab": ids,
        "merges": [],
    }


def _pre_tokenizers(vocabulary: Vocabulary) -> tuple[list[dict[str, Any]], str | None]:
    """Return the pre-tokenizers in order, and how they differ from charloom's split."""
    level, pattern = vocabulary.level, vocabulary.token_pattern
    if pattern is not None:
        return _token_pattern(vocabulary, pattern)
    if level == "byte":
        return [_byte_level(), _split(_PATTERNS[level])], None
    return [_split(_PATTERNS[level])], _NOTES.get(level.removeprefix("closed-"))


def _token_pattern(vocabulary: Vocabulary, pattern: str) -> tuple[list[dict[str, Any]], str | None]:
    if not is_portable(pattern):
        known = sorted((s for s in vocabulary.ids if len(s) > 1), key=lambda s: (-len(s), s))
        return [_split("|".join([*map(_quote, known), _ANY]))], _MATCH_NOTE
    steps = [_split(_LINE), _split(f"(?:{pattern})|{_ANY}")]
    special = vocabulary.symbols[: UNK + 1]
    if any(split(name, vocabulary.level, pattern) == [name] for name in special):
        # A match that reads like a special symbol is text, which characters spell.
        steps.append(_split(rf"\A<(?=(?:{'|'.join(name[1:] for name in special)})\z)"))
    return steps, None


def is_portable(pattern: str) -> bool:
    r"""Return whether an expression means the same in Oniguruma and in regex.

    >>> is_portable(r"\[[^\]]+\]|Cl|Br|\d{2,3}"), is_portable(r"(?i)cl"), is_portable(r"[a-z]*")
    (True, False, False)
    """
    if _PORTABLE.fullmatch(pattern) is None:
        return False
    import regex

    # An empty match ends at its begin in both, but the search continues in another way.
    return regex.fullmatch(pattern, "") is None


def _quote(symbol: str) -> str:
    """Return an expression of Oniguruma that matches a text literally."""
    return re.sub(r"(?a)([!-/:-@\[-`{-~])", r"\\\1", symbol)


def _split(pattern: str) -> dict[str, Any]:
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }


def _replace(name: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": name}, "content": content}


def _byte_level() -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": False,
        "use_regex": False,
    }


def _byte_characters() -> list[str]:
    """Return the character that stands for each byte in a byte-level tokenizer."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
