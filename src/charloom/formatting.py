"""How text is shown to people: no character that a terminal would obey, tidy line breaks."""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable
from itertools import islice

from charloom.events import Sample, Step

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


def status(event: Step) -> str:
    """Return how learning goes, in one line without the time so far."""
    return (
        f"{percent(event.progress)}, epoch {event.epoch}, "
        f"training {event.bits_per_character:.3f} bits/char, "
        f"{event.characters_per_second:,.0f} char/s, {memory(event)}, {left(event)} left"
    )


def percent(share: float) -> str:
    """Return a share, 0 to 1, in whole percent."""
    return f"{100 * share:.0f} %"


def left(event: Step) -> str:
    """Return the time that training will go on, if the rest goes like what is behind.

    A thousand hours and more are a guess from next to nothing: "?".
    """
    return duration(event.seconds_left) if event.seconds_left < 1000 * 3600 else "?"


def memory(event: Step) -> str:
    """Return the memory that the process holds, and that of the GPU if it uses one."""
    gpu = event.device_memory_bytes
    return size(event.memory_bytes) + (f", GPU {size(gpu)}" if gpu is not None else "")


def size(count: int) -> str:
    """Return a number of bytes in whole MB, from 1,000 MB on in GB.

    >>> size(412_300_000), size(12_345_678_901)
    ('412 MB', '12.3 GB')
    """
    megabytes = round(count / 1e6)
    return f"{megabytes} MB" if megabytes < 1000 else f"{count / 1e9:.1f} GB"


def thousands(rate: float) -> str:
    """Return a rate in whole units, or from 10,000 on in thousands."""
    return f"{rate / 1000:,.0f}k" if rate >= 10_000 else f"{rate:,.0f}"


def heading(event: Sample) -> str:
    """Return a sample's temperature, and its label if it has one."""
    label, temperature = event.label, event.temperature
    if label is None:
        return f"temp {temperature:g}" if temperature else "greedy"
    # Short enough for the margin where the label is.
    return f"{label} at {temperature:g}" if temperature else f"{label} greedy"
