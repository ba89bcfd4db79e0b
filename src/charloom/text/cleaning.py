"""Clean texts from the web: HTML, Unicode forms, line ends, control characters.

HTML entities are whole (``&#39;``, ``&lt;``) or, as in AG News, broken: a space has replaced the
ampersand (``Duo #39;s Threat``, ``Procter  amp; Gamble``). A broken entity is replaced only after
white space or at the start, and only if it names one of the few signs that pages escape in prose;
``issue #42;`` and ``make a copy;`` are unchanged.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from html.entities import html5
from typing import Final, Literal

from charloom.settings import TextSettings
from charloom.text.html_tags import has_tags, remove_tags
from charloom.text.symbols import replace_surrogates

Change = Literal[
    "HTML tags",
    "HTML entities",
    "control characters",
    "C1 controls",
    "lone surrogates",
    "line ends",
    "Unicode form",
    "outer white space",
]
"""Something that cleaning may change in a text. C1 controls are U+0080 to U+009F; Windows-1252 has
quotes, dashes and the euro at these bytes."""

_C1_CONTROL = re.compile("[\x80-\x9f]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_CONTROL_OR_SURROGATE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")

# An ampersand that was escaped repeatedly (``&amp;amp;lt;``) is replaced at once: one level after
# another, the time would grow with the square of the levels.
_ESCAPED_AMPERSANDS = r"(?:(?:amp|AMP|#0{0,6}38|#[xX]0{0,4}26);)*"
_ENTITY = re.compile(
    rf"&{_ESCAPED_AMPERSANDS}(#[0-9]{{1,8}}|#[xX][0-9a-fA-F]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});"
)
# Signs that pages escape in prose: " $ & ' < >, the dashes, quotes, dots and bullet of Windows-1252
# and of Unicode, no-break space, pound and euro.
_SIGNS = (
    "34|36|38|39|60|62|128|133|14[5-9]|15[013]|160|163"
    "|821[1267]|822[016]|8230|8364|8482"
)  # fmt: skip
_NAMES = "quot|amp|apos|lt|gt|nbsp|hellip|[mn]dash|[lr][sd]quo"
# Searching for the white space first is several times faster than allowing for the start of text.
_BROKEN_ENTITY = re.compile(rf"([ \t\n])(#0?(?:{_SIGNS})|{_NAMES});")

_ZEROS: Final = dict.fromkeys(range(ord("1"), ord("9") + 1), "0")
# They stay within a line, so that lines may be masked together.
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_MONTH = re.compile(rf"(?<=0[ /.-])(?:{_MONTHS})(?=[ /.-]0)|\b(?:{_MONTHS})(?=[ /.-] ?0)")
_WEEKDAY = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?=,? (?:0|Jan ))")

_MAX_PASSES = 20
"""Upper limit of passes over one text; each may uncover entities and tags for the next."""


def is_clean(text: str) -> bool:
    """Return True if ``clean`` changes nothing; False does not exclude it."""
    if _CONTROL_OR_SURROGATE.search(text) is not None:
        return False
    if ";" in text and (_ENTITY.search(text) or _BROKEN_ENTITY.search("\n" + text)):
        return False
    if has_tags(text):
        return False
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def clean(text: str, changes: set[Change] | None = None) -> str:
    """Return ``text`` cleaned; cleaning the result again changes nothing.

    The kinds of changes are added to ``changes``.

    - Surrogate pairs become the character that they encode, lone surrogates U+FFFD.
    - CR LF and CR become LF; other control characters and U+FEFF are removed. Tabs, LF, joiners
      and direction marks remain.
    - HTML entities, whole or broken, become the characters that they name.
    - Common HTML tags are removed if the text is HTML (text/html_tags.py). Any other ``<...>``
      remains.
    - The result is in Unicode's form NFC. Outer white space remains.

    One replacement can uncover the next (``&amp;lt;b&amp;gt;``), so all are repeated until nothing
    changes, at most 20 times: tags nested more deeply remain in part, and the time is linear.

    >>> clean("Duo #39;s &lt;b&gt;Threat&lt;/b&gt;")
    "Duo's Threat"
    """
    for _ in range(_MAX_PASSES):
        if is_clean(text):
            break
        repaired = _clean_once(text, set() if changes is None else changes)
        if repaired == text:
            break
        text = repaired
    return text


def clean_document(text: str, settings: TextSettings, changes: set[Change] | None = None) -> str:
    """Return a document as the model reads it.

    A line loses its outer white space. Surrogates, which UTF-8 cannot encode, are replaced even
    without ``settings.clean``. The kinds of changes are added to ``changes``; masked digits are
    not counted.
    """
    cleaned = clean(text, changes) if settings.clean else replace_surrogates(text)
    if settings.clean and settings.unit == "line" and not settings.separates:
        stripped = cleaned.strip()
        if changes is not None and len(stripped) < len(cleaned):
            changes.add("outer white space")
        cleaned = stripped
    return mask_digits(cleaned) if settings.mask_digits else cleaned


def clean_prompt(text: str, settings: TextSettings) -> str:
    """Return a prompt as the model reads it; outer white space is part of a prompt."""
    cleaned = clean(text) if settings.clean else replace_surrogates(text)
    return mask_digits(cleaned) if settings.mask_digits else cleaned


def mask_digits(text: str) -> str:
    """Return ``text`` with 0 for each digit 0 to 9; its length stays the same.

    Months and days of the week beside a number, in English, become Jan and Mon.

    >>> mask_digits("Tue, 24 Nov 2026 10:02:11 may fail 3 times")
    'Mon, 00 Jan 0000 00:00:00 may fail 0 times'
    """
    masked = text.translate(_ZEROS)
    return _WEEKDAY.sub("Mon", _MONTH.sub("Jan", masked))


def _clean_once(text: str, changes: set[Change]) -> str:
    """Return ``text`` after one pass; add the kinds of changes to ``changes``."""
    for change, needed, repair in _REPAIRS:
        if needed(text):
            repaired = repair(text)
            if repaired != text:
                changes.add(change)
                text = repaired
    return text


def _to_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _remove_controls(text: str) -> str:
    return _CONTROL.sub("", text)


def _remove_c1_controls(text: str) -> str:
    return _C1_CONTROL.sub("", text)


def _is_not_ascii(text: str) -> bool:
    return not text.isascii()


def _unescape_entities(text: str) -> str:
    text = _ENTITY.sub(_unescape, text)
    return _BROKEN_ENTITY.sub(_unescape_broken, "\n" + text)[1:]


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _unescape(match: re.Match[str]) -> str:
    # Only whole names count: html.unescape alone would turn "&notit;" into "¬it;".
    known = match[1].startswith("#") or f"{match[1]};" in html5
    return html.unescape(f"&{match[1]};") if known else f"&{match[1]};"


def _unescape_broken(match: re.Match[str]) -> str:
    # The space replaced the ampersand; any other white space belongs to the text.
    return match[1].strip(" ") + html.unescape(f"&{match[2]};")


_REPAIRS: Final[tuple[tuple[Change, Callable[[str], bool], Callable[[str], str]], ...]] = (
    ("lone surrogates", _is_not_ascii, replace_surrogates),
    ("line ends", lambda text: "\r" in text, _to_line_feeds),
    ("C1 controls", _is_not_ascii, _remove_c1_controls),
    ("control characters", lambda text: _CONTROL.search(text) is not None, _remove_controls),
    ("HTML entities", lambda text: ";" in text, _unescape_entities),
    ("HTML tags", lambda text: "<" in text, remove_tags),
    ("Unicode form", _is_not_ascii, _compose),
)
"""The repairs of one pass in their order, each with a quick test whether it may do anything."""
