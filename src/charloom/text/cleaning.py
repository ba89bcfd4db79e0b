"""Repairs for texts from the web: HTML left-overs, Unicode forms, line ends, control characters.

HTML entities come whole (``&#39;``, ``&lt;``) and, as in AG's news, broken: the ampersand was lost
and a space stands in its place (``Duo #39;s Threat``, ``Procter  amp; Gamble``). A broken entity is
only believed where white space or nothing precedes it and where it names one of the few signs that
pages escape in prose; ``issue #42;`` and ``make a copy;`` are left as they are.
"""

import html
import re
import unicodedata
from html.entities import html5

from charloom.settings import TextSettings
from charloom.text.symbols import replace_surrogates

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_CONTROL_OR_SURROGATE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")

# An ampersand that was escaped again and again (``&amp;amp;lt;``) is taken at once: layer by layer,
# the time would grow with the square of their number.
_ESCAPED_AMPERSANDS = r"(?:(?:amp|AMP|#0{0,6}38|#[xX]0{0,4}26);)*"
_ENTITY = re.compile(
    rf"&{_ESCAPED_AMPERSANDS}(#[0-9]{{1,8}}|#[xX][0-9a-fA-F]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});"
)
# " $ & ' < >, the dashes, quotes, dots and bullet of Windows-1252 and of Unicode, the hard space,
# pound and euro: what pages escape in prose.
_SIGNS = (
    "34|36|38|39|60|62|128|133|14[5-9]|15[013]|160|163"
    "|821[1267]|822[016]|8230|8364|8482"
)  # fmt: skip
_NAMES = "quot|amp|apos|lt|gt|nbsp|hellip|[mn]dash|[lr][sd]quo"
# To look for the white space first is several times faster than to allow for the text's beginning.
_BROKEN_ENTITY = re.compile(rf"([ \t\n])(#0?(?:{_SIGNS})|{_NAMES});")

_BLOCK = "p|br|div|h[1-6]|hr|ul|ol|li|table|tr|t[dh]|blockquote|pre|img"
_INLINE = "a|abbr|b|big|center|cite|code|em|font|i|ins|nobr|small|span|strike|strong|su[bp]|tt|u"
_TAG_END = r"(?:\s+[a-z-]+\s*=[^<>]*|\s*/?)>"
_TAGS = re.compile(rf"(?:</?(?:{_BLOCK}|{_INLINE}){_TAG_END})+", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})\b", re.IGNORECASE)

_MAX_PASSES = 20
"""Repairs of one text at most, each of what the one before laid bare; nobody nests so deep."""


def is_clean(text: str) -> bool:
    """Return whether ``clean`` has nothing to change: True is certain, False is not."""
    if _CONTROL_OR_SURROGATE.search(text) is not None:
        return False
    if ";" in text and (_ENTITY.search(text) or _BROKEN_ENTITY.search("\n" + text)):
        return False
    if "<" in text and _TAGS.search(text):
        return False
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def clean(text: str) -> str:
    """Return ``text`` repaired; cleaning twice does the same as cleaning once.

    Surrogates become the character that a pair of them stands for, alone U+FFFD; CR LF and CR
    become LF; other control characters and U+FEFF go, tab and LF stay, as do joiners and marks of
    direction; HTML entities, whole ones and the broken kind, become what they name; common
    HTML tags go (one of a block leaves a space between two words), any other ``<...>`` stays; the
    result is in Unicode's form NFC. Outer white space stays. One repair can lay bare the next
    (``&amp;lt;b&amp;gt;``), so all are repeated until nothing changes. Only of tags that stand in
    each other more than twenty deep some are left, so that time grows with the length alone.
    """
    for _ in range(_MAX_PASSES):
        if is_clean(text):
            break
        repaired = _clean_once(text)
        if repaired == text:
            break
        text = repaired
    return text


def clean_document(text: str, settings: TextSettings) -> str:
    """Return a document as the model reads it; of a line or table row, outer white space goes.

    Lone surrogates, which no file can hold, are repaired in any case.
    """
    if not settings.clean:
        return replace_surrogates(text)
    return clean(text).strip() if settings.unit == "line" else clean(text)


def clean_prompt(text: str, settings: TextSettings) -> str:
    """Return a prompt as the model reads it; a space at its end is meant, and stays."""
    return clean(text) if settings.clean else replace_surrogates(text)


def _clean_once(text: str) -> str:
    text = replace_surrogates(text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", text)
    if ";" in text:
        text = _ENTITY.sub(_unescape, text)
        text = _BROKEN_ENTITY.sub(_unescape_broken, "\n" + text)[1:]
    if "<" in text:
        text = _TAGS.sub(_remove_tags, text)
    return unicodedata.normalize("NFC", text)


def _unescape(match: re.Match[str]) -> str:
    # A name is only taken as a whole: html.unescape alone would read "&notit;" as "¬it;".
    known = match[1].startswith("#") or f"{match[1]};" in html5
    return html.unescape(f"&{match[1]};") if known else f"&{match[1]};"


def _unescape_broken(match: re.Match[str]) -> str:
    # The space stands where the ampersand was; any other white space is the text's own.
    return match[1].strip(" ") + html.unescape(f"&{match[2]};")


def _remove_tags(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 1) : match.start()]
    after = match.string[match.end() : match.end() + 1]
    joins_words = before.strip() and after.strip() and _BLOCK_TAG.search(match[0])
    return " " if joins_words else ""
