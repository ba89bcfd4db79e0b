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
from charloom.text.symbols import code_units, replace_surrogates

_SPACE: Final = 1
"""White space."""
_MAY_NEED_REPAIR: Final = 2
"""A line with it may need a repair."""
_MAY_NOT_BE_NFC: Final = 4
"""A text with it may not be in Unicode's form NFC, others are."""
_UNKNOWN: Final = 128
_MIN_NON_NFC: Final = 0x300
"""Texts of lower code points are in Unicode's form NFC."""
_STRIP_ROUNDS: Final = 4
"""White-space characters that are taken from the ends of all lines at once, one a round."""
_SEPARATOR: Final = "\x1e"
"""Stands between cleaned lines: none holds it, while one may hold a line feed (``&#10;``)."""


def split_lines(text: str, settings: TextSettings) -> Block:
    """Return the lines of ``text``, which LF ends, as documents; blank ones are left out.

    With ``settings.clean`` they are cleaned and stripped. Each line comes out as
    ``clean_document`` would give it.
    """
    try:
        units = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    except UnicodeEncodeError:
        text = replace_surrogates(text)
        units = code_units(text, "char")
    separator = "\n"
    kinds = _code_flags(units)
    if settings.clean:
        doubtful = _lines_to_clean(text, units, kinds)
        if len(doubtful):
            lines, separator = text.split("\n"), _SEPARATOR
            for number in doubtful.tolist():
                lines[number] = clean_document(lines[number], settings)
            units = code_units(separator.join(lines), "char")
            kinds = _code_flags(units)
    between = np.flatnonzero(units == ord(separator))
    return _to_block(units, kinds, between, strip=settings.clean)


def is_known_clean(text: str) -> bool:
    """Return whether ``clean`` changes nothing but surrogates: True is certain, False is not."""
    text = replace_surrogates(text)
    units = code_units(text, "char")
    return not len(_lines_to_clean(text, units, _code_flags(units)))


def _lines_to_clean(
    text: str, units: NDArray[np.uint32], kinds: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return the numbers of the lines that cleaning might change."""
    if not kinds.size or kinds.max() <= _SPACE:
        return np.zeros(0, dtype=np.int64)
    if np.bitwise_or.reduce(kinds) & _MAY_NOT_BE_NFC and not unicodedata.is_normalized("NFC", text):
        places = np.flatnonzero((kinds & _MAY_NEED_REPAIR).astype(bool) | (units >= _MIN_NON_NFC))
    else:
        places = np.flatnonzero(kinds & _MAY_NEED_REPAIR)
    return np.unique(np.searchsorted(np.flatnonzero(units == ord("\n")), places))


def _code_flags(units: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return what each code point may be, in bits."""
    table = _flag_table()
    kinds = table.take(units)
    if kinds.size and kinds.max() >= _UNKNOWN:
        new = np.unique(units[kinds == _UNKNOWN])
        table[new] = [character_flags(chr(code)) for code in new.tolist()]
        kinds = table.take(units)
    return kinds


@functools.cache
def _flag_table() -> NDArray[np.uint8]:
    """Return the kind of each code point that was seen so far."""
    return np.full(0x110000, _UNKNOWN, dtype=np.uint8)


def character_flags(character: str) -> int:
    """Return what a character may be, in bits: for NFC, the careful side of what Unicode says."""
    code = ord(character)
    doubt = character in ";<" or not is_clean(character)
    # What joins the character before it is a mark, or a vowel or final consonant of Hangul.
    shape = code >= _MIN_NON_NFC and (
        not unicodedata.is_normalized("NFC", character)
        or unicodedata.category(character).startswith("M")
        or 0x1160 <= code <= 0x11FF
    )
    return _SPACE * character.isspace() | _MAY_NEED_REPAIR * doubt | _MAY_NOT_BE_NFC * shape


def _to_block(
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
    inner_starts, inner_stops = _strip_bounds(units, kinds, starts, stops)
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


def _strip_bounds(
    units: NDArray[np.uint32],
    kinds: NDArray[np.uint8],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each line begins and ends without its outer white space."""
    starts, stops = starts.copy(), stops.copy()
    for bounds, shift, edge in ((starts, 1, 0), (stops, -1, -1)):
        lines = np.flatnonzero(starts < stops)
        for _ in range(_STRIP_ROUNDS):
            lines = lines[(kinds[bounds[lines] + edge] & _SPACE) != 0]
            bounds[lines] += shift
            lines = lines[starts[lines] < stops[lines]]
        for line in lines.tolist():
            text = text_of(units[starts[line] : stops[line]])
            left = text.lstrip() if shift > 0 else text.rstrip()
            bounds[line] += shift * (len(text) - len(left))
    return starts, stops
