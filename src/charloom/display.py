"""How text is shown to people: no character that a terminal would obey, tidy line breaks."""

import io
import json
import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from itertools import islice
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SHOWN = 8
_EIGHTHS = " ▏▎▍▌▋▊▉"


def visible(text: str) -> str:
    r"""Return ``text`` with control characters spelled out; newlines and tabs stay.

    >>> visible("red \x1b[31m")
    'red <0x1B>[31m'
    """
    return _CONTROL.sub(lambda match: f"<0x{ord(match[0]):02X}>", text)


def hanging(text: str, indent: int) -> str:
    """Return ``text``, made visible, with every further line moved right by ``indent``."""
    return visible(text).rstrip("\n").replace("\n", "\n" + " " * indent)


def quoted(text: str) -> str:
    """Return ``text`` between double quotes, with line breaks and the like spelled out."""
    return visible(json.dumps(text, ensure_ascii=False))


def some(texts: Collection[str]) -> str:
    """Return the first of some texts, quoted, and how many there are besides."""
    shown = ", ".join(map(quoted, islice(texts, _SHOWN)))
    return shown + (f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")


def unknown(symbols: Iterable[str]) -> list[str]:
    """Return what is to be told of symbols that a model does not know: one note, or none."""
    strange = list(dict.fromkeys(symbols))
    place = "its" if len(strange) == 1 else "their"
    told = f"the model does not know {some(strange)}: <unk> is fed in {place} place."
    return [told] if strange else []


def width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes: wide characters two, marks none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    marks = sum(unicodedata.category(character) in ("Mn", "Me", "Cf") for character in text)
    return len(text) + wide - marks


def pad(text: str, columns: int) -> str:
    """Return ``text`` filled with spaces up to ``columns`` columns of a terminal."""
    return text + " " * max(0, columns - width(text))


def bar(share: float, columns: int) -> str:
    """Return a bar of ``share`` (0 to 1) of ``columns`` columns, to an eighth of a column."""
    full, eighths = divmod(round(share * columns * 8), 8)
    return "█" * full + (_EIGHTHS[eighths] if eighths else "")


def duration(seconds: float) -> str:
    """Return seconds as minutes:seconds, or hours:minutes:seconds from one hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def silence(stream: TextIO) -> None:
    """Send what is still written to ``stream`` nowhere: whoever was reading it has gone."""
    if isinstance(stream, io.TextIOWrapper):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
