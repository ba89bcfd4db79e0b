"""Clean texts from the web: HTML, Unicode forms, line ends, control characters.

HTML entities are whole (``&#39;``, ``&lt;``) or, as in AG News, broken: a space has replaced the
ampersand (``Duo #39;s Threat``, ``Procter  amp; Gamble``). A broken entity is replaced only after
white space or at the start, and only if it names one of the few signs that pages escape in prose;
``issue #42;`` and ``make a copy;`` are unchanged.
"""

import html
import re
import unicodedata
from html.entities import html5

from charloom.settings import TextSettings
from charloom.text.symbols import replace_surrogates

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

_BLOCK = "p|br|div|h[1-6]|hr|ul|ol|li|table|tr|t[dh]|blockquote|pre|img"
_INLINE = "a|abbr|b|big|center|cite|code|em|font|i|ins|nobr|small|span|strike|strong|su[bp]|tt|u"
_TAG_END = r"(?:\s+[a-z-]+\s*=[^<>]*|\s*/?)>"
_TAGS = re.compile(rf"(?:</?(?:{_BLOCK}|{_INLINE}){_TAG_END})+", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})\b", re.IGNORECASE)

_MAX_PASSES = 20
"""Upper limit of passes over one text; each may uncover entities and tags for the next."""


def is_clean(text: str) -> bool:
    """Return True if ``clean`` changes nothing; False does not exclude it."""
    if _CONTROL_OR_SURROGATE.search(text) is not None:
        return False
    if ";" in text and (_ENTITY.search(text) or _BROKEN_ENTITY.search("\n" + text)):
        return False
    if "<" in text and _TAGS.search(text):
        return False
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def clean(text: str) -> str:
    """Return ``text`` cleaned; cleaning the result again changes nothing.

    - Surrogate pairs become the character that they encode, lone surrogates U+FFFD.
    - CR LF and CR become LF; other control characters and U+FEFF are removed. Tabs, LF, joiners
      and direction marks remain.
    - HTML entities, whole or broken, become the characters that they name.
    - Common HTML tags are removed; a block tag between two words leaves a space. Any other
      ``<...>`` remains.
    - The result is in Unicode's form NFC. Outer white space remains.

    One replacement can uncover the next (``&amp;lt;b&amp;gt;``), so all are repeated until nothing
    changes, at most 20 times: tags nested more deeply remain in part, and the time is linear.

    >>> clean("Duo #39;s &lt;b&gt;Threat&lt;/b&gt;")
    "Duo's Threat"
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
    """Return a document as the model reads it.

    A line loses its outer white space. Surrogates, which UTF-8 cannot encode, are replaced even
    without ``settings.clean``.
    """
    if not settings.clean:
        return replace_surrogates(text)
    return clean(text).strip() if settings.unit == "line" else clean(text)


def clean_prompt(text: str, settings: TextSettings) -> str:
    """Return a prompt as the model reads it; outer white space is part of a prompt."""
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
    # Only whole names count: html.unescape alone would turn "&notit;" into "¬it;".
    known = match[1].startswith("#") or f"{match[1]};" in html5
    return html.unescape(f"&{match[1]};") if known else f"&{match[1]};"


def _unescape_broken(match: re.Match[str]) -> str:
    # The space replaced the ampersand; any other white space belongs to the text.
    return match[1].strip(" ") + html.unescape(f"&{match[2]};")


def _remove_tags(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 1) : match.start()]
    after = match.string[match.end() : match.end() + 1]
    joins_words = before.strip() and after.strip() and _BLOCK_TAG.search(match[0])
    return " " if joins_words else ""
