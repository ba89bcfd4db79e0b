"""Diversity, length, likelihood and copies of samples at several temperatures.

Distinct n-grams: Li et al., "A Diversity-Promoting Objective Function for Neural Conversation
Models" (NAACL 2016), here of characters. The fraction falls with the size of a text, so all sets
of texts are cut to as many characters as the smallest has.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Final

from charloom.data.corpus import Corpus
from charloom.evaluation.checked_texts import CheckedFigures, CheckedTexts
from charloom.evaluation.copies import MatchFinder
from charloom.evaluation.memorisation import OverlapFigures, overlap_figures
from charloom.evaluation.sample_sets import draw_samples, matched_held_out
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.training_texts import iter_texts
from charloom.generation.checker import Checker
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.model_folder.format import ModelRecord
from charloom.settings import SamplingSettings
from charloom.text.documents import Document

TEMPERATURES: Final = (0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.5, 1.8)
NGRAM_SIZES: Final = (2, 4, 6)
MIN_SPAN: Final = 20
"""Characters of the shortest copied span that counts."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diversity:
    """Metrics of a set of texts."""

    temperature: float | None
    """Sampling temperature; None for real texts."""
    texts: int
    mean_length: float
    """Characters."""
    bits_per_character: float | None
    """Bits under the model itself at temperature 1; None for real texts that were not scored."""
    ended: float | None
    """Fraction of the samples that ended with the boundary symbol; None for real texts."""
    distinct: dict[int, float | None]
    """Fraction of distinct n-grams among all n-grams of characters, by n."""
    copied: float | None
    """Fraction of the characters in copied spans of 20 or more characters."""
    whole: float | None
    """Fraction of the texts that are equal to a training document."""
    checked: CheckedFigures | None = None
    """Accepted, unique and novel texts; None without a checker."""

    def to_json(self) -> dict[str, Any]:
        """Return the metrics as a JSON object."""
        return dataclasses.asdict(self)


def measure_diversity(
    generator: Generator,
    settings: SamplingSettings,
    *,
    documents: Iterable[str],
    held_out: Sequence[str],
    n: int,
    labels: Sequence[str] = (),
    temperatures: Sequence[float] = TEMPERATURES,
    checker: Checker | None = None,
) -> list[Diversity]:
    """Measure ``n`` samples at each temperature, and held-out texts.

    The metrics of the held-out texts are the last element of the result. Samples are divided among
    the ``labels`` and have the same seeds at all temperatures. The training ``documents`` are read
    once. With ``checker``, all texts are judged; raises CheckerError if it fails.
    """
    groups = [
        list(draw_samples(generator, dataclasses.replace(settings, temperature=t), n, labels))
        for t in temperatures
    ]
    texts = [[sample.text for sample in group] for group in groups] + [list(held_out)]
    size = min(sum(map(len, group)) for group in texts)
    judged = None if checker is None else CheckedTexts(texts, checker)
    overlaps = _overlaps(texts, documents if judged is None else judged.watch(documents))
    figures = [None] * len(texts) if judged is None else judged.figures()
    *sampled, real = [
        dataclasses.replace(_text_metrics(group, overlap, size), checked=checked)
        for group, overlap, checked in zip(texts, overlaps, figures, strict=True)
    ]
    rows = [
        dataclasses.replace(
            row,
            temperature=temperature,
            bits_per_character=_bits_per_character(group),
            ended=sum(sample.stopped == "eos" for sample in group) / len(group),
        )
        for row, temperature, group in zip(sampled, temperatures, groups, strict=True)
    ]
    return [*rows, real]


def measure_model_diversity(
    record: ModelRecord,
    generator: Generator,
    scorer: Scorer,
    corpus: Corpus,
    settings: SamplingSettings,
    n: int,
    checker: Checker | None = None,
) -> list[Diversity]:
    """Measure samples of a model beside held-out texts of similar number and length.

    Held-out texts are scored only if they are lines without labels. ``checker`` judges all texts.
    """
    samples = [sample.text for sample in draw_samples(generator, settings, n, record.labels)]
    held_out = matched_held_out(corpus.validation, samples, record.text.document_unit)
    *rows, real = measure_diversity(
        generator,
        settings,
        documents=iter_texts(corpus.training),
        held_out=held_out,
        n=n,
        labels=record.labels,
        checker=checker,
    )
    if held_out and record.text.document_unit == "line" and not record.labels:
        scores = list(scorer.score(Document(text=text) for text in held_out))
        bits = sum(score.bits for score in scores) / sum(score.characters for score in scores)
        real = dataclasses.replace(real, bits_per_character=bits)
    return [*rows, real]


def distinct_ngram_fraction(documents: Iterable[str], n: int, size: int) -> float | None:
    """Return the fraction of distinct n-grams among all n-grams of characters.

    Only the first ``size`` characters of ``documents`` count. No n-gram extends over two documents.
    Returns None if there is no n-gram.
    """
    distinct: set[str] = set()
    total = 0
    for document in documents:
        text = document[: max(size, 0)]
        size -= len(text)
        ngrams = [text[k : k + n] for k in range(len(text) - n + 1)]
        distinct.update(ngrams)
        total += len(ngrams)
    return len(distinct) / total if total else None


def _overlaps(groups: Sequence[list[str]], documents: Iterable[str]) -> list[OverlapFigures]:
    """Compare all groups of texts with the training documents in one scan."""
    finder = MatchFinder(text for group in groups for text in group)
    finder.scan(documents)
    overlaps, first = [], 0
    for group in groups:
        matches = finder.matches(first, first + len(group))
        overlaps.append(overlap_figures(matches, ngrams=(), span_lengths=(MIN_SPAN,)))
        first += len(group)
    return overlaps


def _text_metrics(texts: Sequence[str], overlap: OverlapFigures, size: int) -> Diversity:
    """Return the metrics that do not depend on how the texts were made."""
    return Diversity(
        temperature=None,
        texts=len(texts),
        mean_length=sum(map(len, texts)) / max(len(texts), 1),
        bits_per_character=None,
        ended=None,
        distinct={n: distinct_ngram_fraction(texts, n, size) for n in NGRAM_SIZES},
        copied=overlap.covered[MIN_SPAN],
        whole=overlap.whole,
    )


def _bits_per_character(samples: Sequence[GeneratedText]) -> float:
    """Return the bits per character of all samples together.

    The boundary of a sample that ended with it counts as one character.
    """
    characters = sum(len(sample.text) + (sample.stopped == "eos") for sample in samples)
    return sum(sample.bits for sample in samples) / max(characters, 1)
