"""Held-out texts that are comparable with samples: about as many, and about as long."""

from collections.abc import Sequence

from charloom.settings import Unit
from charloom.text.part import Part


def comparable(part: Part, samples: Sequence[str], unit: Unit) -> list[str]:
    """Return texts of a held-out part to set beside ``samples``; fewer if there are not as many.

    Lines are taken as they are, evenly from the whole part. What is longer than a line is cut into
    pieces that have the lengths of the samples, one after another.
    """
    if unit == "line":
        count = min(len(samples), len(part))
        return [part.text(index * len(part) // count) for index in range(count)]
    pieces: list[str] = []
    for index in range(len(part)):
        if len(pieces) == len(samples):
            break
        text, begin = part.text(index), 0
        while begin < len(text) and len(pieces) < len(samples):
            end = begin + max(1, len(samples[len(pieces)]))
            pieces.append(text[begin:end])
            begin = end
    return pieces
