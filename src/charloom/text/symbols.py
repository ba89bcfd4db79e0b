"""Split a text into symbols and join it back: one inverse pair for each level.

A symbol is a string. What one is at each level:

    char      a code point
    byte      a byte of UTF-8: a printable ASCII character itself, any other as ``<0x0A>``
    grapheme  an extended grapheme cluster (Unicode annex 29): what readers take for a character
    word      a word, a white-space character, or a punctuation character

Lone surrogates stand for no text; they are read as U+FFFD, the replacement character.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.settings import Level

BYTES = tuple(chr(b) if 0x20 <= b <= 0x7E else f"<0x{b:02X}>" for b in range(256))
"""The symbols of level byte; the index is the byte."""

_BYTE_OF = {symbol: byte for byte, symbol in enumerate(BYTES)}

# Scripts that put no spaces between words are read character by character, with their marks. An
# apostrophe or a joiner of zero width (Persian) stays within a word only when letters follow it.
_UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"
_LETTERS = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED_SCRIPTS}]]+"
_WORD = rf"(?V1){_LETTERS}(?:['\u2019\u200c\u200d]{_LETTERS})*|[{_UNSPACED_SCRIPTS}]\p{{M}}*|\s|\X"


def split(text: str, level: Level) -> list[str]:
    """Return the symbols of ``text`` in order; none is empty."""
    return list(iter_symbols(text, level))


def iter_symbols(text: str, level: Level) -> Iterator[str]:
    """Yield the symbols of ``text`` in order, without holding them all."""
    text = replace_surrogates(text)
    if level == "byte":
        return map(BYTES.__getitem__, text.encode())
    # Of the ASCII characters only CR LF forms a cluster.
    if level == "char" or (level == "grapheme" and text.isascii() and "\r" not in text):
        return iter(text)
    return (match.group() for match in _pattern(level).finditer(text))


def join(symbols: Iterable[str], level: Level) -> str:
    """Return the text of ``symbols``: ``join(split(text, level), level) == text``.

    Bytes that are not UTF-8, which only a model can write, become U+FFFD.
    """
    if level == "byte":
        return bytes(map(_BYTE_OF.__getitem__, symbols)).decode("utf-8", errors="replace")
    return "".join(symbols)


def count_characters(symbol: str, level: Level) -> int:
    """Return how many code points of the text ``symbol`` stands for.

    A code point of several bytes is counted at its first byte: the others stand for none.
    """
    if level == "byte":
        return int(not 0x80 <= _BYTE_OF[symbol] <= 0xBF)
    return len(symbol)


def is_symbol(symbol: str, level: Level) -> bool:
    """Return whether ``symbol`` can be one of this level."""
    if level == "byte":
        return symbol in _BYTE_OF
    return len(symbol) == 1 if level == "char" else symbol != ""


def code_units(text: str, level: Level) -> NDArray[Any]:
    """Return the code points (level char, uint32) or UTF-8 (level byte, uint8) of ``text``."""
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
    """Return ``text`` with pairs of surrogates as the code point they mean, lone ones as U+FFFD."""
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
