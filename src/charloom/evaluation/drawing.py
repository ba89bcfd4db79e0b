"""Texts of a model to be looked into, over its labels in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from charloom.generation.generator import Generator
from charloom.generation.texts import Generated
from charloom.settings import SamplingSettings


def draw(
    generator: Generator, settings: SamplingSettings, n: int, labels: Sequence[str] = ()
) -> Iterator[Generated]:
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
