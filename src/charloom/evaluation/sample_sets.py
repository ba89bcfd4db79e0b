"""Draw samples, and select held-out texts that are comparable with them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from charloom.data.dataset import Dataset
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.settings import SamplingSettings, Unit


def matched_held_out(dataset: Dataset, samples: Sequence[str], unit: Unit) -> list[str]:
    """Return held-out texts, as many as ``samples`` and about as long.

    Lines are taken whole, evenly spaced over the dataset. Longer documents are cut into consecutive
    texts with the lengths of the samples. Fewer texts are returned if the dataset is too small.
    """
    if unit == "line":
        count = min(len(samples), len(dataset))
        return [dataset.text(index * len(dataset) // count) for index in range(count)]
    texts: list[str] = []
    for index in range(len(dataset)):
        if len(texts) == len(samples):
            break
        document, start = dataset.text(index), 0
        while start < len(document) and len(texts) < len(samples):
            stop = start + max(1, len(samples[len(texts)]))
            texts.append(document[start:stop])
            start = stop
    return texts


def draw_samples(
    generator: Generator, settings: SamplingSettings, n: int, labels: Sequence[str] = ()
) -> Iterator[GeneratedText]:
    """Yield ``n`` samples; with labels, an equal number for each, up to one.

    Sample k has the seed ``settings.seed + k``, with labels or without.
    """
    if not labels:
        yield from generator.texts("", settings, n)
        return
    first = 0
    for index, label in enumerate(labels[:n]):
        count = (n - first) // (min(len(labels), n) - index)
        label_settings = replace(settings, label=label, seed=settings.seed + first)
        yield from generator.texts("", label_settings, count)
        first += count
