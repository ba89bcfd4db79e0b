"""Held-out texts that are comparable with samples: about as many, and about as long."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from charloom.data.dataset import Dataset
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.settings import SamplingSettings, Unit


def matched_held_out(dataset: Dataset, samples: Sequence[str], unit: Unit) -> list[str]:
    """Return texts of a held-out part to set beside ``samples``; fewer if there are not as many.

    Lines are taken as they are, evenly from the whole part. What is longer than a line is cut into
    pieces that have the lengths of the samples, one after another.
    """
    if unit == "line":
        count = min(len(samples), len(dataset))
        return [dataset.text(index * len(dataset) // count) for index in range(count)]
    pieces: list[str] = []
    for index in range(len(dataset)):
        if len(pieces) == len(samples):
            break
        text, begin = dataset.text(index), 0
        while begin < len(text) and len(pieces) < len(samples):
            end = begin + max(1, len(samples[len(pieces)]))
            pieces.append(text[begin:end])
            begin = end
    return pieces


def draw_samples(
    generator: Generator, settings: SamplingSettings, n: int, labels: Sequence[str] = ()
) -> Iterator[GeneratedText]:
    """Yield ``n`` texts: with labels, an equal part for each of them, as far as that can be.

    The seeds are those of ``n`` texts without labels.
    """
    if not labels:
        yield from generator.texts("", settings, n)
        return
    first = 0
    for index, label in enumerate(labels[:n]):
        count = (n - first) // (min(len(labels), n) - index)
        own = replace(settings, label=label, seed=settings.seed + first)
        yield from generator.texts("", own, count)
        first += count
