"""Diversity, length, likelihood and copies of samples at several temperatures.

Distinct n-grams: Li et al., "A Diversity-Promoting Objective Function for Neural Conversation
Models" (NAACL 2016), here of characters. The fraction falls with the size of a text, so all sets
of texts are cut to as many characters as the smallest has.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from charloom.data.corpus import Corpus
from charloom.errors import CorpusError
from charloom.evaluation.checked_texts import CheckedTexts
from charloom.evaluation.copies import MatchFinder
from charloom.evaluation.memorisation import OverlapFigures, overlap_figures
from charloom.evaluation.model_parts import ModelParts
from charloom.evaluation.sample_sets import draw_samples, matched_held_out
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.training_texts import iter_texts
from charloom.generation.checker import Checker
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.records import Record
from charloom.settings import SamplingSettings
from charloom.text.documents import Document

TEMPERATURES: Final = (0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.5, 1.8)
NGRAM_SIZES: Final = (2, 4, 6)
MIN_SPAN: Final = 20
"""Characters of the shortest copied span that counts."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diversity(Record):
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
    distinct: Mapping[str, float | None]
    """Fraction of distinct n-grams among all n-grams of characters, by n, such as ``"4"``."""
    copied: float | None
    """Fraction of the characters in copied spans of 20 or more characters."""
    whole: float | None
    """Fraction of the texts that are equal to a training document."""
    accepted: float | None = None
    """Fraction of the texts that the checker accepts. This and the next two need a checker."""
    unique: float | None = None
    """Fraction of the accepted texts that are distinct; None if none is accepted."""
    novel: float | None = None
    """Fraction of the distinct accepted texts that are no training documents."""

    def to_json(self) -> dict[str, Any]:
        """Return the metrics as a JSON object."""
        return self.to_dict()


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
    texts = [[sample.text for sample in group] for group in groups]
    *sampled, real = _measure_groups([*texts, list(held_out)], documents, checker)
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
    model: ModelParts,
    corpus: Corpus,
    settings: SamplingSettings,
    n: int,
    texts: Sequence[str] | None = None,
    checker: Checker | None = None,
) -> list[Diversity]:
    """Measure samples of a model at each temperature, and held-out texts.

    With existing ``texts``, the rows are theirs and that of held-out texts. The held-out texts have
    about the same number and length as the samples at the default temperature, or as ``texts``.
    Real texts are scored only if they are lines without labels. ``checker`` judges all texts.

    Raises CorpusError if ``texts`` is empty, SettingsError for ``n`` below 1, and CheckerError.
    """
    settings.seeds(n)
    record, generator = model.record, model.generator
    drawn = texts
    if drawn is None:
        drawn = [sample.text for sample in draw_samples(generator, settings, n, record.labels)]
    elif not drawn:
        raise CorpusError("there is no text to measure; give at least one.")
    held_out = matched_held_out(corpus.validation, drawn, record.text.document_unit)
    documents = iter_texts(corpus.training)
    is_scored = record.text.document_unit == "line" and not record.labels
    scorer = model.scorer if is_scored else None
    if texts is not None:
        groups = [list(texts), held_out]
        rows = _measure_groups(groups, documents, checker)
        pairs = zip(rows, groups, strict=True)
        return rows if scorer is None else [_with_bits(row, group, scorer) for row, group in pairs]
    *rows, real = measure_diversity(
        generator,
        settings,
        documents=documents,
        held_out=held_out,
        n=n,
        labels=record.labels,
        checker=checker,
    )
    return [*rows, real if scorer is None else _with_bits(real, held_out, scorer)]


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


def _measure_groups(
    groups: Sequence[list[str]], documents: Iterable[str], checker: Checker | None
) -> list[Diversity]:
    """Return the metrics of groups of texts that need no model."""
    size = min(sum(map(len, group)) for group in groups)
    judged = None if checker is None else CheckedTexts(groups, checker)
    overlaps = _overlaps(groups, documents if judged is None else judged.watch(documents))
    rows = [
        _text_metrics(group, overlap, size) for group, overlap in zip(groups, overlaps, strict=True)
    ]
    if judged is None:
        return rows
    figures = judged.figures()
    return [
        dataclasses.replace(row, **vars(checked))
        for row, checked in zip(rows, figures, strict=True)
    ]


def _with_bits(row: Diversity, texts: Sequence[str], scorer: Scorer) -> Diversity:
    """Return the metrics of real texts with their bits per character."""
    if not texts:
        return row
    scores = list(scorer.score(Document(text=text) for text in texts))
    bits = sum(score.bits for score in scores) / sum(score.characters for score in scores)
    return dataclasses.replace(row, bits_per_character=bits)


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
    return Diversity(
        temperature=None,
        texts=len(texts),
        mean_length=sum(map(len, texts)) / max(len(texts), 1),
        bits_per_character=None,
        ended=None,
        distinct={str(n): distinct_ngram_fraction(texts, n, size) for n in NGRAM_SIZES},
        copied=overlap.covered[str(MIN_SPAN)],
        whole=overlap.whole,
    )


def _bits_per_character(samples: Sequence[GeneratedText]) -> float:
    """Return the bits per character of all samples together.

    The boundary of a sample that ended with it counts as one character.
    """
    characters = sum(len(sample.text) + (sample.stopped == "eos") for sample in samples)
    return sum(sample.bits for sample in samples) / max(characters, 1)
