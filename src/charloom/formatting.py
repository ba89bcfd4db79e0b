"""Text and figures for people: on terminals, in tables and on pages."""

import json
import re
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from charloom.events import Sample, Step

BASELINE_NAMES: Final = {
    "uniform": "uniform over the symbols",
    "unigram": "symbol frequencies",
    "ngram": "6-grams (Kneser-Ney)",
    "xz": "xz -9e",
    "zstd": "zstd -19",
}
"""Names for people of the baselines in ``charloom.evaluation.baselines``, in order of strength."""

_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MAX_LISTED: Final = 8
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_MAX_SECONDS_LEFT: Final = 1000 * 3600


# Text


def escape_controls(text: str) -> str:
    r"""Replace control characters by their codes; keep line feeds and tabs.

    >>> escape_controls("red \x1b[31m")
    'red <0x1B>[31m'
    """
    return _CONTROL_CHARACTERS.sub(lambda match: f"<0x{ord(match[0]):02X}>", text)


def indent_continuation(text: str, indent: int) -> str:
    """Indent all lines but the first by ``indent`` spaces; escape control characters."""
    return escape_controls(text).rstrip("\n").replace("\n", "\n" + " " * indent)


def quote(text: str) -> str:
    r"""Put ``text`` in double quotes; escape quotes, line breaks, control characters.

    >>> print(quote('say "no"\n'))
    "say \"no\"\n"
    """
    return escape_controls(json.dumps(text, ensure_ascii=False))


def quote_symbol(symbol: str) -> str:
    """Put a symbol in double quotes; the boundary is not text and has none."""
    return symbol if symbol == "<eos>" else quote(symbol)


def summarize(texts: Collection[str]) -> str:
    """List the first eight texts, quoted, and the number of the others.

    >>> summarize(["a", "b"])
    '"a", "b"'
    """
    shown = ", ".join(map(quote, islice(texts, _MAX_LISTED)))
    return shown + (f" and {len(texts) - _MAX_LISTED} more" if len(texts) > _MAX_LISTED else "")


def unusable_folder_message(path: Path, error: OSError) -> str:
    """Return the message on an output folder that cannot be used, with the reason."""
    return f"{path} cannot be used ({error.strerror or error}); name another folder with --output."


def unknown_symbols_note(symbols: Iterable[str]) -> list[str]:
    """Return one note on the symbols of a prompt that a model does not know.

    The list is empty if there are none.
    """
    unknown = list(dict.fromkeys(symbols))
    pronoun = "its" if len(unknown) == 1 else "their"
    note = f"the model does not know {summarize(unknown)}: <unk> is fed in {pronoun} place."
    return [note] if unknown else []


# Figures


def format_bar(fraction: float, columns: int) -> str:
    """Draw a bar for a fraction from 0 to 1 of ``columns``, in eighths of a column."""
    full, eighths = divmod(round(fraction * columns * 8), 8)
    return "█" * full + (_EIGHTHS[eighths] if eighths else "")


def format_duration(seconds: float) -> str:
    """Format seconds as minutes:seconds, or hours:minutes:seconds from one hour on.

    >>> format_duration(61), format_duration(3725)
    ('1:01', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_count(count: int, noun: str) -> str:
    """Format a number of things.

    >>> format_count(1, "layer"), format_count(1500, "text")
    ('1 layer', '1,500 texts')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def format_percent(fraction: float, decimals: int = 0) -> str:
    """Format a fraction from 0 to 1 as a percentage.

    >>> format_percent(0.125), format_percent(0.125, 1)
    ('12 %', '12.5 %')
    """
    return f"{100 * fraction:.{decimals}f} %"


def format_percent_cell(fraction: float | None, missing: str) -> str:
    """Format a fraction as a percentage in a table; None becomes ``missing``.

    >>> format_percent_cell(0.125, ""), format_percent_cell(None, "-")
    ('12.5%', '-')
    """
    return missing if fraction is None else f"{fraction:.1%}"


def format_value(value: object, floats: str = "g") -> str:
    """Format a setting or a metric; ``floats`` is the format of floats.

    >>> [format_value(value) for value in (None, True, 1500, 0.25, ["a", "b"], "")]
    ['–', 'yes', '1,500', '0.25', 'a, b', '']
    """
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return format(value, floats)
        case list() | tuple():
            return ", ".join(map(str, value)) or "–"
        case _:
            return str(value)


def format_metric(value: float | int) -> str:
    """Format a count with separators, or a metric with four decimals below 1000.

    >>> format_metric(12345), format_metric(2.34567), format_metric(12345.678)
    ('12,345', '2.3457', '12,345.7')
    """
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if value < 1000 else f"{value:,.1f}"


def format_bytes(count: int) -> str:
    """Format a number of bytes in whole MB, from 1,000 MB on in GB.

    >>> format_bytes(412_300_000), format_bytes(12_345_678_901)
    ('412 MB', '12.3 GB')
    """
    megabytes = round(count / 1e6)
    return f"{megabytes} MB" if megabytes < 1000 else f"{count / 1e9:.1f} GB"


def format_rate(rate: float) -> str:
    """Format a rate in whole units, from 10,000 on in thousands.

    >>> format_rate(9_999), format_rate(23_456)
    ('9,999', '23k')
    """
    return f"{rate / 1000:,.0f}k" if rate >= 10_000 else f"{rate:,.0f}"


# Training events


def format_step(event: Step) -> str:
    """Describe the state of training in one line, without the time since the start."""
    return (
        f"{format_percent(event.progress)}, epoch {event.epoch}, "
        f"training {event.bits_per_character:.3f} bits/char, "
        f"{event.characters_per_second:,.0f} char/s, "
        f"{format_memory(event)}, {format_time_left(event)} left"
    )


def format_time_left(event: Step) -> str:
    """Format the estimated time until the budget is used.

    Estimates of 1000 hours and more, made at the very start, are shown as "?".
    """
    seconds = event.seconds_left
    return format_duration(seconds) if seconds < _MAX_SECONDS_LEFT else "?"


def format_memory(event: Step) -> str:
    """Format the memory of the process, and of its GPU if it uses one."""
    text = format_bytes(event.memory_bytes)
    gpu = event.device_memory_bytes
    return text if gpu is None else f"{text}, GPU {format_bytes(gpu)}"


def temperature_name(temperature: float) -> str:
    """Return a short heading for a temperature.

    >>> temperature_name(0.5), temperature_name(0)
    ('temp 0.5', 'greedy')
    """
    return f"temp {temperature:g}" if temperature else "greedy"


def sample_heading(event: Sample) -> str:
    """Return the temperature of a sample, and its label if it has one."""
    label, temperature = event.label, event.temperature
    if label is None:
        return temperature_name(temperature)
    # Short enough for the margin where the label is.
    return f"{label} at {temperature:g}" if temperature else f"{label} greedy"
