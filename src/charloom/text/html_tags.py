"""Remove HTML tags from texts that are HTML, and from no others.

``<b>`` is also a type in code (``Array<b>``), a part of a password or a comparison. A text counts
as HTML if it holds one of

- a tag with an attribute, or ``<br>``, ``<hr>``, ``<img>``;
- a tag and its closing tag;
- the opening tag of a block, in a text with white space and not directly after a letter.

A text with a brace for every thousand characters is code, whatever else it holds.
"""

import re
from typing import Final

_BLOCK: Final = "p|br|div|h[1-6]|hr|ul|ol|li|table|tr|t[dh]|blockquote|pre|img"
_INLINE: Final = (
    "a|abbr|b|big|center|cite|code|em|font|i|ins|nobr|small|span|strike|strong|su[bp]|tt|u"
)
_TAG_END: Final = r"(?:\s+[a-z-]+\s*=[^<>]*|\s*/?)>"
_TAGS: Final = re.compile(rf"(?:</?(?:{_BLOCK}|{_INLINE}){_TAG_END})+", re.IGNORECASE)
_TAG: Final = re.compile(
    rf"<(?P<closing>/?)(?:(?P<block>{_BLOCK})|(?P<inline>{_INLINE}))"
    r"(?P<attribute>\s+[a-z-]+\s*=[^<>]*)?\s*/?>",
    re.IGNORECASE,
)
_BLOCK_TAG: Final = re.compile(rf"</?(?:{_BLOCK})\b", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s")
_ALONE: Final = frozenset({"br", "hr", "img"})
"""Tags that are never closed and are nothing but HTML."""
_CHARACTERS_PER_BRACE: Final = 1000
"""A text with more braces than one in this many characters is code."""


def has_tags(text: str) -> bool:
    """Return whether ``remove_tags`` changes ``text``."""
    return "<" in text and _TAGS.search(text) is not None and _is_html(text)


def remove_tags(text: str) -> str:
    """Return ``text`` without its tags if it is HTML, else unchanged.

    A tag of a block between two words leaves a space. Names other than the common ones of prose are
    not tags.

    >>> remove_tags("The <b>end</b>.<br>"), remove_tags("Array<b> is <unk>")
    ('The end.', 'Array<b> is <unk>')
    """
    return _TAGS.sub(_replace_tags, text) if has_tags(text) else text


def _is_html(text: str) -> bool:
    if (text.count("{") + text.count("}")) * _CHARACTERS_PER_BRACE > len(text):
        return False
    opened: set[str] = set()
    for tag in _TAG.finditer(text):
        name = (tag["block"] or tag["inline"]).lower()
        if tag["attribute"] or name in _ALONE or (tag["closing"] and name in opened):
            return True
        if not tag["closing"]:
            opened.add(name)
            if (
                tag["block"]
                and not text[max(0, tag.start() - 1) : tag.start()].isalnum()
                and _SPACE.search(text)
            ):
                return True
    return False


def _replace_tags(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 1) : match.start()]
    after = match.string[match.end() : match.end() + 1]
    joins_words = before.strip() and after.strip() and _BLOCK_TAG.search(match[0])
    return " " if joins_words else ""
