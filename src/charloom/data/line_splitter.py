"""Split text into line documents, many lines at once.

Lines are split and stripped with NumPy. Only lines that cleaning might change become Python
strings. Axes: ``units`` and ``flags`` have one element per code point of a block; ``starts`` and
``stops`` one per line.
"""

import functools
import unicodedata
from typing import Final

import numpy as np
from numpy.typing import NDArray

from charloom.data.reading_notes import ReadingNotes
from charloom.settings import TextSettings
from charloom.text.cleaning import Change, clean_document, is_clean, mask_digits
from charloom.text.documents import Block, text_of
from charloom.text.symbols import code_units, replace_surrogates

_SPACE: Final = 1
"""Flag of white space."""
_MAY_NEED_REPAIR: Final = 2
"""Flag of characters that ``clean`` may change, alone or as part of a tag or entity."""
_MAY_NOT_BE_NFC: Final = 4
"""Flag of characters without which a text is in Unicode's form NFC."""
_UNKNOWN: Final = 128
"""Value of code points whose flags have not been computed yet."""
_MIN_NON_NFC: Final = 0x300
"""Texts of lower code points are in Unicode's form NFC."""
_STRIP_ROUNDS: Final = 4
"""Characters stripped from each end of all lines at once; longer white space is stripped singly."""
_SEPARATOR: Final = "\x1e"
"""Separates cleaned lines. Cleaning removes it, while ``&#10;`` becomes a line feed."""


def split_lines(text: str, settings: TextSettings, notes: ReadingNotes) -> Block:
    """Return the non-blank lines of ``text``, separated by LF, as documents.

    With ``settings.clean`` they are cleaned and stripped. Each equals ``clean_document(line)``.
    The changes are counted in ``notes``.
    """
    try:
        units = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    except UnicodeEncodeError:
        text = replace_surrogates(text)
        units = code_units(text, "char")
    separator = "\n"
    flags = _code_flags(units)
    if settings.clean:
        to_clean = _lines_to_clean(text, units, flags)
        if len(to_clean):
            lines, separator = text.split("\n"), _SEPARATOR
            for number in to_clean.tolist():
                lines[number] = _clean_line(lines[number], settings, notes)
            text = separator.join(lines)
            units = code_units(text, "char")
            flags = _code_flags(units)
    if settings.mask_digits:
        # Lines are masked together: no mask depends on another line or changes a length.
        units = code_units(mask_digits(text), "char")
    separators = np.flatnonzero(units == ord(separator))
    return _to_block(units, flags, separators, notes, strip=settings.clean)


def _clean_line(line: str, settings: TextSettings, notes: ReadingNotes) -> str:
    changes: set[Change] = set()
    cleaned = clean_document(line, settings, changes)
    if cleaned:
        notes.count_changes(changes)  # the text is counted with all others
    elif not line.isspace():
        notes.count_text(changes, blank=True)
    return cleaned


def is_known_clean(text: str) -> bool:
    """Return True if ``clean`` only replaces surrogates; False does not exclude it."""
    text = replace_surrogates(text)
    units = code_units(text, "char")
    return not len(_lines_to_clean(text, units, _code_flags(units)))


def _lines_to_clean(
    text: str, units: NDArray[np.uint32], flags: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return the numbers of the lines that cleaning might change."""
    if not flags.size or flags.max() <= _SPACE:
        return np.zeros(0, dtype=np.int64)
    if np.bitwise_or.reduce(flags) & _MAY_NOT_BE_NFC and not unicodedata.is_normalized("NFC", text):
        indices = np.flatnonzero((flags & _MAY_NEED_REPAIR).astype(bool) | (units >= _MIN_NON_NFC))
    else:
        indices = np.flatnonzero(flags & _MAY_NEED_REPAIR)
    return np.unique(np.searchsorted(np.flatnonzero(units == ord("\n")), indices))


def _code_flags(units: NDArray[np.uint32]) -> NDArray[np.uint8]:
    table = _flag_table()
    flags = table.take(units)
    if flags.size and flags.max() >= _UNKNOWN:
        new = np.unique(units[flags == _UNKNOWN])
        table[new] = [character_flags(chr(code)) for code in new.tolist()]
        flags = table.take(units)
    return flags


@functools.cache
def _flag_table() -> NDArray[np.uint8]:
    """Return the flags of all code points, filled in as characters appear."""
    return np.full(0x110000, _UNKNOWN, dtype=np.uint8)


def character_flags(character: str) -> int:
    """Return the flags of a character.

    The NFC flag is set for every character that needs it, and for some others.
    """
    code = ord(character)
    doubt = character in ";<" or not is_clean(character)
    # Characters that compose with the one before them are marks and Hangul vowels or finals.
    shape = code >= _MIN_NON_NFC and (
        not unicodedata.is_normalized("NFC", character)
        or unicodedata.category(character).startswith("M")
        or 0x1160 <= code <= 0x11FF
    )
    return _SPACE * character.isspace() | _MAY_NEED_REPAIR * doubt | _MAY_NOT_BE_NFC * shape


def _to_block(
    units: NDArray[np.uint32],
    flags: NDArray[np.uint8],
    separators: NDArray[np.int64],
    notes: ReadingNotes,
    *,
    strip: bool,
) -> Block:
    """Return and count the non-blank texts between the separators at these indices."""
    starts = np.concatenate([[0], separators + 1])
    stops = np.append(separators, len(units))
    inside = np.ones(len(units), dtype=bool)
    inside[separators] = False
    inner_starts, inner_stops = _strip_bounds(units, flags, starts, stops)
    kept = inner_stops > inner_starts
    if strip:
        stripped = int((kept & (inner_stops - inner_starts < stops - starts)).sum())
        notes.count_changes(["outer white space"] if stripped else [], stripped)
        starts, stops = inner_starts, inner_stops
    starts, stops = starts[kept], stops[kept]
    notes.texts += len(starts)
    if int((stops - starts).sum()) + len(separators) < len(units):
        steps = np.zeros(len(units) + 1, dtype=np.int8)
        # A separator is between a stop and the next start, so no index occurs twice.
        steps[starts] = 1
        steps[stops] = -1
        inside = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)
    return Block(codes=units[inside], lengths=stops - starts)


def _strip_bounds(
    units: NDArray[np.uint32],
    flags: NDArray[np.uint8],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the begin and end of each line without its outer white space."""
    starts, stops = starts.copy(), stops.copy()
    for bounds, shift, edge in ((starts, 1, 0), (stops, -1, -1)):
        lines = np.flatnonzero(starts < stops)
        for _ in range(_STRIP_ROUNDS):
            lines = lines[(flags[bounds[lines] + edge] & _SPACE) != 0]
            bounds[lines] += shift
            lines = lines[starts[lines] < stops[lines]]
        for line in lines.tolist():
            text = text_of(units[starts[line] : stops[line]])
            stripped = text.lstrip() if shift > 0 else text.rstrip()
            bounds[line] += shift * (len(text) - len(stripped))
    return starts, stops
