"""Split a text into symbols, and join symbols to a text.

Joining is the exact inverse of splitting. A symbol is a string. Levels:

    char      a code point
    byte      a byte of UTF-8: a printable ASCII character itself, any other as ``<0x0A>``
    grapheme  an extended grapheme cluster, which readers perceive as one character
              (Unicode Standard Annex 29, https://www.unicode.org/reports/tr29/)
    word      a word or a punctuation character, with the space before it; or a white-space
              character. A word that a vocabulary lacks is spelled in characters.
    closed-word  a word, a white-space character, or a punctuation character. A word that a
              vocabulary lacks is ``<unk>``.

With a token pattern, a regular expression, each match within a line is a symbol and so is each
character around it; a match that a vocabulary lacks is spelled in characters.

Lone surrogates are read as U+FFFD, the replacement character.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.settings import Level

BYTES = tuple(chr(b) if 0x20 <= b <= 0x7E else f"<0x{b:02X}>" for b in range(256))
"""The symbols of level byte, indexed by the byte."""

_BYTE_OF = {symbol: byte for byte, symbol in enumerate(BYTES)}

# Scripts without spaces between words are split into characters with their marks. An apostrophe or
# a zero-width joiner (Persian) belongs to a word only if letters follow it.
_UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"
_LETTERS = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED_SCRIPTS}]]+"
_WORD = rf"{_LETTERS}(?:['\u2019\u200c\u200d]{_LETTERS})*|[{_UNSPACED_SCRIPTS}]\p{{M}}*"
_PATTERNS: dict[Level, str] = {
    "grapheme": r"\X",
    "word": rf"(?V1) ?(?:{_WORD}|(?!\s)\X)|\s",
    "closed-word": rf"(?V1){_WORD}|\s|\X",
}

SPLIT_SECONDS = 2.0
_SPLIT_RATE = 100_000
"""Time for the matches in a line, and more for a long one: a pattern may come with the model folder
of another person."""


def split(text: str, level: Level, token_pattern: str | None = None) -> list[str]:
    """Return the symbols of ``text`` in order; none is empty.

    Raises SettingsError if the search for ``token_pattern`` takes too long.

    >>> split("I can't.", "word")
    ['I', " can't", '.']
    >>> split("CCl", "char", "Cl|Br")
    ['C', 'Cl']
    """
    return list(iter_symbols(text, level, token_pattern))


def iter_symbols(text: str, level: Level, token_pattern: str | None = None) -> Iterator[str]:
    """Yield the symbols of ``text`` in order, of any vocabulary.

    Raises SettingsError if the search for ``token_pattern`` takes too long.
    """
    text = replace_surrogates(text)
    if token_pattern is not None:
        return _iter_tokens(text, token_pattern)
    if level == "byte":
        return map(BYTES.__getitem__, text.encode())
    # Among ASCII characters, only CR LF forms a cluster.
    if level == "char" or (level == "grapheme" and text.isascii() and "\r" not in text):
        return iter(text)
    return (match.group() for match in _compile(_PATTERNS[level]).finditer(text))


def has_codes(level: Level, token_pattern: str | None) -> bool:
    """Return whether every symbol is a code point or a byte (``code_units``)."""
    return level in ("char", "byte") and token_pattern is None


def has_fallback(level: Level, token_pattern: str | None) -> bool:
    """Return whether characters spell a symbol that a vocabulary lacks."""
    return level == "word" or token_pattern is not None


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


def is_symbol(symbol: str, level: Level, token_pattern: str | None = None) -> bool:
    """Return whether ``symbol`` is valid at this level."""
    if level == "byte":
        return symbol in _BYTE_OF
    return len(symbol) == 1 if has_codes(level, token_pattern) else symbol != ""


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


def _iter_tokens(text: str, pattern: str) -> Iterator[str]:
    """Yield matches of a pattern, and the characters around them; no match is empty."""
    compiled = _compile(pattern)
    for line in text.splitlines(keepends=True):
        seconds = SPLIT_SECONDS + len(line) / _SPLIT_RATE
        try:
            spans = [match.span() for match in compiled.finditer(line, timeout=seconds)]
        except TimeoutError as error:
            raise SettingsError(
                f"token-pattern is {pattern!r:.80}: its matches in a line of {len(line):,} "
                f"characters took more than {seconds:.0f} s; an expression without nested "
                "repetitions is needed; simplify it."
            ) from error
        end = 0
        for start, stop in spans:
            if start < stop:
                yield from line[end:start]
                yield line[start:stop]
                end = stop
        yield from line[end:]


@functools.cache
def _compile(pattern: str) -> Any:
    import regex

    return regex.compile(pattern)
