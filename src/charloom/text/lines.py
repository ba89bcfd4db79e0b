"""Lines of text to documents, many at once: cut, cleaned and stripped in NumPy.

A line is one by itself only where it may need a repair. Axes: characters of a block, its lines.
"""

import functools
import unicodedata
from typing import Final

import numpy as np
from numpy.typing import NDArray

from charloom.settings import TextSettings
from charloom.text.blocks import Block, text_of
from charloom.text.cleaning import clean_document
from charloom.text.symbols import codes, repair

_SPACE: Final = 1
_DOUBT: Final = 2

_LAST_SPACE: Final = 0x3000
"""The last white-space character of Unicode."""
_FIRST_COMBINING: Final = 0x300
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
    if settings.clean:
        doubtful = _doubtful(text, units)
        if len(doubtful):
            lines, separator = text.split("\n"), _SEPARATOR
            for number in doubtful.tolist():
                lines[number] = clean_document(lines[number], settings)
            units = codes(separator.join(lines), "char")
    between = np.flatnonzero(units == ord(separator))
    return _documents(units, between, strip=settings.clean)


def _doubtful(text: str, units: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the numbers of the lines that cleaning might change."""
    doubts = kinds().take(units) & _DOUBT
    if units.size and units.max() >= _FIRST_COMBINING:
        if not unicodedata.is_normalized("NFC", text):
            doubts = doubts | (units >= _FIRST_COMBINING)
    places = np.flatnonzero(doubts)
    if not len(places):
        return places
    numbers = np.searchsorted(np.flatnonzero(units == ord("\n")), places)
    return np.unique(numbers)


def is_surely_clean(text: str) -> bool:
    """Return whether ``clean`` has nothing to change: True is certain; several times as fast."""
    units = codes(text, "char")
    return not len(_doubtful(text, units))


def _documents(units: NDArray[np.uint32], between: NDArray[np.int64], *, strip: bool) -> Block:
    """Return what stands between the separators at ``between``, without them and what is blank."""
    starts = np.concatenate([[0], between + 1])
    stops = np.append(between, len(units))
    inner_starts, inner_stops = _stripped(units, starts, stops)
    kept = inner_stops > inner_starts
    if strip:
        starts, stops = inner_starts, inner_stops
    starts, stops = starts[kept], stops[kept]
    steps = np.zeros(len(units) + 1, dtype=np.int8)
    # A separator stands between a stop and the next start, so no place is named twice.
    steps[starts] = 1
    steps[stops] = -1
    inside = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)
    return Block(codes=units[inside], lengths=stops - starts)


def _stripped(
    units: NDArray[np.uint32], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each line begins and ends without its outer white space."""
    starts, stops = starts.copy(), stops.copy()
    for bounds, shift, edge in ((starts, 1, 0), (stops, -1, -1)):
        lines = np.flatnonzero(starts < stops)
        for _ in range(_ROUNDS):
            lines = lines[(kinds().take(units[bounds[lines] + edge]) & _SPACE) != 0]
            bounds[lines] += shift
            lines = lines[starts[lines] < stops[lines]]
        for line in lines.tolist():
            text = text_of(units[starts[line] : stops[line]])
            left = text.lstrip() if shift > 0 else text.rstrip()
            bounds[line] += shift * (len(text) - len(left))
    return starts, stops


@functools.cache
def kinds() -> NDArray[np.uint8]:
    """Return what each code point may be: white space, or a reason to look closer."""
    table = np.zeros(0x110000, dtype=np.uint8)
    spaces = [code for code in range(_LAST_SPACE + 1) if chr(code).isspace()]
    table[spaces] |= _SPACE
    for first, last in ((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0xFEFF, 0xFEFF)):
        table[first : last + 1] |= _DOUBT
    table[[ord(";"), ord("<")]] |= _DOUBT
    return table
