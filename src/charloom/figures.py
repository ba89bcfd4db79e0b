"""How the figures of a training run are spelled, in the log and in the live view alike."""

from charloom.display import duration
from charloom.events import Sample, Step


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
