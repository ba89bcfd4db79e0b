"""How text is shown to people: no character that a terminal would obey, tidy line breaks."""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable
from itertools import islice

from charloom.events import Sample, Step

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MAX_LISTED = 8
_EIGHTHS = " ▏▎▍▌▋▊▉"


def escape_controls(text: str) -> str:
    r"""Return ``text`` with control characters spelled out; newlines and tabs stay.

    >>> escape_controls("red \x1b[31m")
    'red <0x1B>[31m'
    """
    return _CONTROL_CHARACTERS.sub(lambda match: f"<0x{ord(match[0]):02X}>", text)


def indent_continuation(text: str, indent: int) -> str:
    """Return ``text``, made visible, with every further line moved right by ``indent``."""
    return escape_controls(text).rstrip("\n").replace("\n", "\n" + " " * indent)


def quote(text: str) -> str:
    """Return ``text`` between double quotes, with line breaks and the like spelled out."""
    return escape_controls(json.dumps(text, ensure_ascii=False))


def summarize(texts: Collection[str]) -> str:
    """Return the first of some texts, quoted, and how many there are besides."""
    shown = ", ".join(map(quote, islice(texts, _MAX_LISTED)))
    return shown + (f" and {len(texts) - _MAX_LISTED} more" if len(texts) > _MAX_LISTED else "")


def unknown_symbols_note(symbols: Iterable[str]) -> list[str]:
    """Return what is to be told of symbols that a model does not know: one note, or none."""
    unknown = list(dict.fromkeys(symbols))
    pronoun = "its" if len(unknown) == 1 else "their"
    note = f"the model does not know {summarize(unknown)}: <unk> is fed in {pronoun} place."
    return [note] if unknown else []


def display_width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes: wide characters two, marks none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    marks = sum(unicodedata.category(character) in ("Mn", "Me", "Cf") for character in text)
    return len(text) + wide - marks


def pad(text: str, columns: int) -> str:
    """Return ``text`` filled with spaces up to ``columns`` columns of a terminal."""
    return text + " " * max(0, columns - display_width(text))


def format_bar(fraction: float, columns: int) -> str:
    """Return a bar of ``share`` (0 to 1) of ``columns`` columns, to an eighth of a column."""
    full, eighths = divmod(round(fraction * columns * 8), 8)
    return "█" * full + (_EIGHTHS[eighths] if eighths else "")


def format_duration(seconds: float) -> str:
    """Return seconds as minutes:seconds, or hours:minutes:seconds from one hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_step(event: Step) -> str:
    """Return how learning goes, in one line without the time so far."""
    return (
        f"{format_percent(event.progress)}, epoch {event.epoch}, "
        f"training {event.bits_per_character:.3f} bits/char, "
        f"{event.characters_per_second:,.0f} char/s, {format_memory(event)}, {format_time_left(event)} left"
    )


def format_percent(fraction: float) -> str:
    """Return a share, 0 to 1, in whole percent."""
    return f"{100 * fraction:.0f} %"


def format_time_left(event: Step) -> str:
    """Return the time that training will go on, if the rest goes like what is behind.

    A thousand hours and more are a guess from next to nothing: "?".
    """
    return format_duration(event.seconds_left) if event.seconds_left < 1000 * 3600 else "?"


def format_memory(event: Step) -> str:
    """Return the memory that the process holds, and that of the GPU if it uses one."""
    gpu = event.device_memory_bytes
    return format_bytes(event.memory_bytes) + (
        f", GPU {format_bytes(gpu)}" if gpu is not None else ""
    )


def format_bytes(count: int) -> str:
    """Return a number of bytes in whole MB, from 1,000 MB on in GB.

    >>> format_bytes(412_300_000), format_bytes(12_345_678_901)
    ('412 MB', '12.3 GB')
    """
    megabytes = round(count / 1e6)
    return f"{megabytes} MB" if megabytes < 1000 else f"{count / 1e9:.1f} GB"


def format_rate(rate: float) -> str:
    """Return a rate in whole units, or from 10,000 on in thousands."""
    return f"{rate / 1000:,.0f}k" if rate >= 10_000 else f"{rate:,.0f}"


def sample_heading(event: Sample) -> str:
    """Return a sample's temperature, and its label if it has one."""
    label, temperature = event.label, event.temperature
    if label is None:
        return f"temp {temperature:g}" if temperature else "greedy"
    # Short enough for the margin where the label is.
    return f"{label} at {temperature:g}" if temperature else f"{label} greedy"
