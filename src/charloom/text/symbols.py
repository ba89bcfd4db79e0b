"""Split a text into symbols, and join symbols to a text.

Joining is the exact inverse of splitting. A symbol is a string. Levels:

    char      a code point
    byte      a byte of UTF-8: a printable ASCII character itself, any other as ``<0x0A>``
    grapheme  an extended grapheme cluster, which readers perceive as one character
              (Unicode Standard Annex 29, https://www.unicode.org/reports/tr29/)
    word      a word, a white-space character, or a punctuation character

Lone surrogates are read as U+FFFD, the replacement character.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.settings import Level

BYTES = tuple(chr(b) if 0x20 <= b <= 0x7E else f"<0x{b:02X}>" for b in range(256))
"""The symbols of level byte, indexed by the byte."""

_BYTE_OF = {symbol: byte for byte, symbol in enumerate(BYTES)}

# Scripts without spaces between words are split into characters with their marks. An apostrophe or
# a zero-width joiner (Persian) belongs to a word only if letters follow it.
_UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"
_LETTERS = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED_SCRIPTS}]]+"
_WORD = rf"(?V1){_LETTERS}(?:['\u2019\u200c\u200d]{_LETTERS})*|[{_UNSPACED_SCRIPTS}]\p{{M}}*|\s|\X"


def split(text: str, level: Level) -> list[str]:
    """Return the symbols of ``text`` in order; none is empty.

    >>> split("I can't.", "word")
    ['I', ' ', "can't", '.']
    """
    return list(iter_symbols(text, level))


def iter_symbols(text: str, level: Level) -> Iterator[str]:
    """Yield the symbols of ``text`` in order."""
    text = replace_surrogates(text)
    if level == "byte":
        return map(BYTES.__getitem__, text.encode())
    # Among ASCII characters, only CR LF forms a cluster.
    if level == "char" or (level == "grapheme" and text.isascii() and "\r" not in text):
        return iter(text)
    return (match.group() for match in _pattern(level).finditer(text))


def join(symbols: Iterable[str], level: Level) -> str:
    """Return the text of ``symbols``: ``join(split(text, level), level) == text``.

    At level byte, symbols that form no valid UTF-8 become U+FFFD; only a model produces those.
    """
    if level == "byte":
        return bytes(map(_BYTE_OF.__getitem__, symbols)).decode("utf-8", errors="replace")
    return "".join(symbols)


def count_characters(symbol: str, level: Level) -> int:
    """Return the number of code points of ``symbol``.

    At level byte, a code point of several bytes counts at its first byte.
    """
    if level == "byte":
        return int(not 0x80 <= _BYTE_OF[symbol] <= 0xBF)
    return len(symbol)


def is_symbol(symbol: str, level: Level) -> bool:
    """Return whether ``symbol`` is valid at this level."""
    if level == "byte":
        return symbol in _BYTE_OF
    return len(symbol) == 1 if level == "char" else symbol != ""


def code_units(text: str, level: Level) -> NDArray[Any]:
    """Return ``text`` as an array of codes.

    These are code points at level char (uint32), and bytes of UTF-8 at level byte (uint8).
    """
    encoding, dtype = ("utf-32-le", "<u4") if level == "char" else ("utf-8", "u1")
    try:
        encoded = text.encode(encoding)
    except UnicodeEncodeError:
        encoded = replace_surrogates(text).encode(encoding)
    return np.frombuffer(encoded, dtype=dtype)


def code_of(level: Level) -> Callable[[str], int]:
    """Return the function from a symbol of level char or byte to its code."""
    return ord if level == "char" else _BYTE_OF.__getitem__


def symbol_of(level: Level) -> Callable[[int], str]:
    """Return the function from a code of level char or byte to its symbol."""
    return chr if level == "char" else BYTES.__getitem__


def replace_surrogates(text: str) -> str:
    """Replace surrogate pairs by their code point, lone surrogates by U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", errors="surrogatepass").decode(
            "utf-16-le", errors="replace"
        )
    return text


@functools.cache
def _pattern(level: Level) -> Any:
    import regex

    return regex.compile(r"\X" if level == "grapheme" else _WORD)
