"""Suggest the encoding of bytes that are not in the expected one."""

from typing import Final

MARKS: Final = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Byte order marks; longer ones come first."""
HEAD_BYTES: Final = 1 << 12
"""First bytes of a file that are looked at."""
_SAMPLE_BYTES: Final = 1 << 16
_MIN_HEAD: Final = 8
_MIN_ZEROS: Final = 0.4
"""Fraction of zeros among every second byte from which a text is taken for UTF-16."""
_MIN_HIGH_BYTES: Final = 24
"""Bytes above 0x7F from which statistics of letters are used."""
_MIN_NEIGHBORS: Final = 0.5
"""Fraction of these bytes next to another one from which a script is not Latin."""
_WESTERN: Final = "àáâãäåæçèéêëìíîïñòóôõöøùúûüßœ"
_SIGNS: Final = "«»¿¡°§£©®€„“”‘’–—…•™\u00a0"
_LATIN_LETTERS: Final = {
    "latin-1": _WESTERN,
    "cp1252": _WESTERN,
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžäöüßôľĺŕőűăâîșţş",
    "iso8859-2": "ąćęłńóśźżáčďéěíňřšťúůýžäöüßôľĺŕőűăâîșţş",
    "cp1254": "çğıöşüâîûé",
}
"""Letters of languages that are written in each encoding."""


def utf16_without_mark(head: bytes) -> str | None:
    """Return the UTF-16 that a file seems to be in by its zeros, if any.

    Letters of European languages have a zero as one of their two bytes.

    >>> utf16_without_mark("Some text".encode("utf-16-be"))
    'utf-16-be'
    """
    if len(head) < _MIN_HEAD or head.startswith(tuple(MARKS)):
        return None
    evens, odds = head[0::2], head[1::2]
    even, odd = evens.count(0) / len(evens), odds.count(0) / len(odds)
    if max(even, odd) < _MIN_ZEROS or min(even, odd) > _MIN_ZEROS / 4:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def suggest_encoding(head: bytes, rest: bytes) -> str:
    r"""Return an encoding that a file may be in.

    ``head`` are its first bytes; ``rest`` follow from the first one that cannot be decoded.

    >>> suggest_encoding(b"It\x92s", b"\x92s")
    'cp1252'
    >>> suggest_encoding(b"caf\xe9", b"\xe9")
    'latin-1'
    """
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    sample = rest[:_SAMPLE_BYTES]
    return marked or utf16_without_mark(head) or _detect(sample) or _best_latin(sample)


def _detect(sample: bytes) -> str | None:
    """Return the encoding of a script other than Latin by statistics of its letters."""
    high = [byte > 0x7F for byte in sample]
    neighbors = sum(a and b for a, b in zip(high, high[1:], strict=False))
    if sum(high) < _MIN_HIGH_BYTES or neighbors < _MIN_NEIGHBORS * sum(high):
        return None
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return None if best is None or best.encoding == "utf_8" else best.encoding.replace("_", "-")


def _best_latin(sample: bytes) -> str:
    """Return the encoding in which most bytes are usual letters and signs."""
    return max(_LATIN_LETTERS, key=lambda encoding: _usual_characters(sample, encoding))


def _usual_characters(sample: bytes, encoding: str) -> int:
    try:
        text = sample.decode(encoding).lower()
    except UnicodeDecodeError:
        return -1
    usual = _LATIN_LETTERS[encoding] + _SIGNS
    return sum(text.count(character) for character in usual)
