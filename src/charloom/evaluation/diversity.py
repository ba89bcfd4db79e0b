"""How texts change with the temperature: how varied they are, how long, how likely, how copied.

Distinct n-grams: Li et al., "A Diversity-Promoting Objective Function for Neural Conversation
Models", NAACL 2016, here of characters. The share falls with the size of a text, so it is counted
over as many characters of each set of texts: as many as the smallest one has.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Final

from charloom.data.corpus import Corpus
from charloom.evaluation.copies import MatchFinder
from charloom.evaluation.memorisation import OverlapFigures, overlap_figures
from charloom.evaluation.sample_sets import draw_samples, matched_held_out
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.training_texts import iter_texts
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.model_folder.format import ModelRecord
from charloom.settings import SamplingSettings
from charloom.text.documents import Document

TEMPERATURES: Final = (0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.5, 1.8)
NGRAM_SIZES: Final = (2, 4, 6)
MIN_SPAN: Final = 20
"""Characters from which on a copied span counts."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diversity:
    """The figures of some texts."""

    temperature: float | None
    """None: real texts."""
    texts: int
    mean_length: float
    """Characters."""
    bits_per_character: float | None
    """What the model itself, at temperature 1, takes for them; None: they are pieces of texts."""
    ended: float | None
    """Share of the texts that ended by themselves."""
    distinct: dict[int, float | None]
    """Share of the n-grams of characters that are different ones, by n."""
    copied: float | None
    """Share of the characters in spans of 20 or more that stand in a training document."""
    whole: float | None
    """Share of the texts that are a training document, letter for letter."""

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return dataclasses.asdict(self)


def measure_diversity(
    generator: Generator,
    settings: SamplingSettings,
    *,
    documents: Iterable[str],
    held_out: Sequence[str],
    n: int,
    labels: Sequence[str] = (),
    scorer: Scorer | None = None,
    temperatures: Sequence[float] = TEMPERATURES,
) -> list[Diversity]:
    """Return the figures of ``n`` texts at each temperature, and last those of held-out texts.

    ``documents`` are those of the training part, read once. Texts are drawn for the ``labels`` in
    turn. With ``scorer``, the held-out texts are scored, each as a whole and without a label. The
    seeds are the same at all temperatures.
    """
    drawn = [
        list(
            draw_samples(
                generator, dataclasses.replace(settings, temperature=temperature), n, labels
            )
        )
        for temperature in temperatures
    ]
    groups = [[one.text for one in group] for group in drawn] + [list(held_out)]
    finder = MatchFinder(text for group in groups for text in group)
    finder.scan(documents)
    size = min(sum(map(len, group)) for group in groups)
    rows, first = [], 0
    for index, group in enumerate(groups):
        copied = overlap_figures(finder.matches(first, first + len(group)), (), (MIN_SPAN,))
        first += len(group)
        own = drawn[index] if index < len(drawn) else None
        temperature = temperatures[index] if own is not None else None
        rows.append(_diversity(temperature, group, own, copied, size))
    if scorer is not None and held_out:
        scores = list(scorer.score(Document(text=text) for text in held_out))
        bits = sum(one.bits for one in scores) / sum(one.characters for one in scores)
        rows[-1] = dataclasses.replace(rows[-1], bits_per_character=bits)
    return rows


def measure_model_diversity(
    record: ModelRecord,
    generator: Generator,
    scorer: Scorer,
    corpus: Corpus,
    settings: SamplingSettings,
    n: int,
) -> list[Diversity]:
    """Return the figures of a model's texts, and of as many held-out texts, about as long.

    Held-out bits are told where texts are lines without labels.
    """
    beside = [one.text for one in draw_samples(generator, settings, n, record.labels)]
    plain = record.text.unit == "line" and not record.labels
    return measure_diversity(
        generator,
        settings,
        documents=iter_texts(corpus.training),
        held_out=matched_held_out(corpus.validation, beside, record.text.unit),
        n=n,
        labels=record.labels,
        scorer=scorer if plain else None,
    )


def _diversity(
    temperature: float | None,
    group: Sequence[str],
    drawn: Sequence[GeneratedText] | None,
    copied: OverlapFigures,
    size: int,
) -> Diversity:
    bits = ended = None
    if drawn is not None:
        characters = sum(len(one.text) + (one.stopped == "eos") for one in drawn)
        bits = sum(one.bits for one in drawn) / max(characters, 1)
        ended = sum(one.stopped == "eos" for one in drawn) / len(drawn)
    return Diversity(
        temperature=temperature,
        texts=len(group),
        mean_length=sum(map(len, group)) / max(len(group), 1),
        bits_per_character=bits,
        ended=ended,
        distinct={n: distinct_ngram_fraction(group, n, size) for n in NGRAM_SIZES},
        copied=copied.covered[MIN_SPAN],
        whole=copied.whole,
    )


def distinct_ngram_fraction(documents: Iterable[str], n: int, size: int) -> float | None:
    """Return the share of different n-grams in the first ``size`` characters of ``documents``.

    None reaches over two texts; None is returned where there is none at all.
    """
    seen: set[str] = set()
    total = 0
    for text in documents:
        own = text[: max(size, 0)]
        size -= len(own)
        grams = [own[k : k + n] for k in range(len(own) - n + 1)]
        seen.update(grams)
        total += len(grams)
    return len(seen) / total if total else None
