"""Lines of text to documents, many at once: cut, cleaned and stripped in NumPy.

A line is one by itself only where it may need a repair. Axes: characters of a block, its lines.
"""

import functools
import unicodedata
from typing import Final

import numpy as np
from numpy.typing import NDArray

from charloom.settings import TextSettings
from charloom.text.cleaning import clean_document, is_clean
from charloom.text.documents import Block, text_of
from charloom.text.symbols import codes, repair

_SPACE: Final = 1
"""White space."""
_DOUBT: Final = 2
"""A line with it may need a repair."""
_SHAPE: Final = 4
"""A text with it may not be in Unicode's form NFC, others are."""
_UNKNOWN: Final = 128
_PLAIN: Final = 0x300
"""Texts of lower code points are in Unicode's form NFC."""
_ROUNDS: Final = 4
"""White-space characters that are taken from the ends of all lines at once, one a round."""
_SEPARATOR: Final = "\x1e"
"""Stands between cleaned lines: none holds it, while one may hold a line feed (``&#10;``)."""


def cut(text: str, settings: TextSettings) -> Block:
    """Return the lines of ``text``, which LF ends, as documents; blank ones are left out.

    With ``settings.clean`` they are cleaned and stripped. Each line comes out as
    ``clean_document`` would give it.
    """
    try:
        units = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    except UnicodeEncodeError:
        text = repair(text)
        units = codes(text, "char")
    separator = "\n"
    kinds = _kinds(units)
    if settings.clean:
        doubtful = _doubtful(text, units, kinds)
        if len(doubtful):
            lines, separator = text.split("\n"), _SEPARATOR
            for number in doubtful.tolist():
                lines[number] = clean_document(lines[number], settings)
            units = codes(separator.join(lines), "char")
            kinds = _kinds(units)
    between = np.flatnonzero(units == ord(separator))
    return _documents(units, kinds, between, strip=settings.clean)


def is_surely_clean(text: str) -> bool:
    """Return whether ``clean`` changes nothing but surrogates: True is certain, False is not."""
    text = repair(text)
    units = codes(text, "char")
    return not len(_doubtful(text, units, _kinds(units)))


def _doubtful(text: str, units: NDArray[np.uint32], kinds: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the numbers of the lines that cleaning might change."""
    if not kinds.size or kinds.max() <= _SPACE:
        return np.zeros(0, dtype=np.int64)
    if np.bitwise_or.reduce(kinds) & _SHAPE and not unicodedata.is_normalized("NFC", text):
        places = np.flatnonzero((kinds & _DOUBT).astype(bool) | (units >= _PLAIN))
    else:
        places = np.flatnonzero(kinds & _DOUBT)
    return np.unique(np.searchsorted(np.flatnonzero(units == ord("\n")), places))


def _kinds(units: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return what each code point may be, in bits."""
    table = _table()
    kinds = table.take(units)
    if kinds.size and kinds.max() >= _UNKNOWN:
        new = np.unique(units[kinds == _UNKNOWN])
        table[new] = [kind(chr(code)) for code in new.tolist()]
        kinds = table.take(units)
    return kinds


@functools.cache
def _table() -> NDArray[np.uint8]:
    """Return the kind of each code point that was seen so far."""
    return np.full(0x110000, _UNKNOWN, dtype=np.uint8)


def kind(character: str) -> int:
    """Return what a character may be, in bits: for NFC, the careful side of what Unicode says."""
    code = ord(character)
    doubt = character in ";<" or not is_clean(character)
    # What joins the character before it is a mark, or a vowel or final consonant of Hangul.
    shape = code >= _PLAIN and (
        not unicodedata.is_normalized("NFC", character)
        or unicodedata.category(character).startswith("M")
        or 0x1160 <= code <= 0x11FF
    )
    return _SPACE * character.isspace() | _DOUBT * doubt | _SHAPE * shape


def _documents(
    units: NDArray[np.uint32],
    kinds: NDArray[np.uint8],
    between: NDArray[np.int64],
    *,
    strip: bool,
) -> Block:
    """Return what stands between the separators at ``between``, without them and what is blank."""
    starts = np.concatenate([[0], between + 1])
    stops = np.append(between, len(units))
    inside = np.ones(len(units), dtype=bool)
    inside[between] = False
    inner_starts, inner_stops = _stripped(units, kinds, starts, stops)
    kept = inner_stops > inner_starts
    if strip:
        starts, stops = inner_starts, inner_stops
    starts, stops = starts[kept], stops[kept]
    if int((stops - starts).sum()) + len(between) < len(units):
        steps = np.zeros(len(units) + 1, dtype=np.int8)
        # A separator stands between a stop and the next start, so no place is named twice.
        steps[starts] = 1
        steps[stops] = -1
        inside = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)
    return Block(codes=units[inside], lengths=stops - starts)


def _stripped(
    units: NDArray[np.uint32],
    kinds: NDArray[np.uint8],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each line begins and ends without its outer white space."""
    starts, stops = starts.copy(), stops.copy()
    for bounds, shift, edge in ((starts, 1, 0), (stops, -1, -1)):
        lines = np.flatnonzero(starts < stops)
        for _ in range(_ROUNDS):
            lines = lines[(kinds[bounds[lines] + edge] & _SPACE) != 0]
            bounds[lines] += shift
            lines = lines[starts[lines] < stops[lines]]
        for line in lines.tolist():
            text = text_of(units[starts[line] : stops[line]])
            left = text.lstrip() if shift > 0 else text.rstrip()
            bounds[line] += shift * (len(text) - len(left))
    return starts, stops
