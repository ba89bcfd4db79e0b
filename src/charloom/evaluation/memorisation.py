"""Measure how much of a model's samples was copied from its training documents.

Real texts share words and phrases with the training documents too, and so do samples of a model
that copies nothing. The finding is therefore the difference: the overlap of the samples minus the
overlap of held-out texts of the same kind. Both sets should have about the same number of texts
and the same lengths.

Comparisons are case-sensitive. Lengths are in code points. No span extends over two documents.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from charloom.data.corpus import Corpus
from charloom.displays.panel import MarkedText, Panel
from charloom.errors import CorpusError, SettingsError
from charloom.evaluation.copies import CopiedSpan, Matches, MatchFinder
from charloom.evaluation.model_parts import ModelParts
from charloom.evaluation.sample_sets import draw_samples, matched_held_out
from charloom.evaluation.training_texts import iter_texts
from charloom.formatting import format_count, format_percent
from charloom.records import Record
from charloom.settings import SamplingSettings
from charloom.text.symbols import replace_surrogates

NGRAM_SIZES = tuple(range(2, 11))
SPAN_LENGTHS = (20, 50, 100)
QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
MAX_SHOWN: Final = 10
"""Texts that a notebook shows, those with the longest copied spans."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverlapFigures(Record):
    """Verbatim overlap of some texts with the training documents.

    A fraction whose denominator is zero is None.
    """

    texts: int
    characters: int
    whole: float | None
    """Fraction of the texts that are equal to a training document; empty texts are not."""
    within: float | None
    """Fraction of the texts that a training document contains; empty texts do not count."""
    longest_quantiles: Mapping[str, int]
    """Quantiles of the length of each text's longest copied span, by fraction, such as ``"0.5"``.

    Each is an observed length.
    """
    novel_ngrams: Mapping[str, float | None]
    """Fraction of the n-grams of characters that no training document contains, by n.

    Every occurrence counts. No n-gram extends over two texts.
    """
    covered: Mapping[str, float | None]
    """Fraction of the characters in copied spans of at least k characters, by k."""
    spans: tuple[CopiedSpan | None, ...] = dataclasses.field(repr=False)
    """The first longest copied span of each text; None if it shares no character."""

    def figures(self) -> dict[str, Any]:
        """Return everything except the spans as a JSON object."""
        return {
            "texts": self.texts,
            "characters": self.characters,
            "whole": self.whole,
            "within": self.within,
            "longest_quantiles": dict(self.longest_quantiles),
            "novel_ngrams": dict(self.novel_ngrams),
            "covered": dict(self.covered),
        }

    def to_json(self) -> dict[str, Any]:
        """Return figures and spans as a JSON object."""
        return {**self.figures(), "spans": [span and span.to_json() for span in self.spans]}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memorisation(Record):
    """Overlap of samples, and of held-out texts, with the training documents."""

    documents: int
    """Training documents."""
    samples: OverlapFigures
    held_out: OverlapFigures | None
    """Overlap of real texts that the model was not trained on; None if there are none."""
    # The positions of the spans refer to them, and the caller may not have them: they were sampled
    # here. They are no figures, so to_json leaves them out, and with it files and --json.
    sample_texts: tuple[str, ...] = dataclasses.field(repr=False)
    """The texts of ``samples``, in the order of its ``spans``."""

    def difference(self) -> dict[str, Any] | None:
        """Return the figures of the samples minus those of the held-out texts.

        None without held-out texts. A figure that is None on either side is None.
        """
        if self.held_out is None:
            return None
        samples, held_out = self.samples.figures(), self.held_out.figures()
        counts = ("texts", "characters")
        return {
            name: _subtract(samples[name], held_out[name]) for name in samples if name not in counts
        }

    def longest_copies(self, n: int) -> list[tuple[int, CopiedSpan]]:
        """Return the ``n`` longest copied spans of samples, longest first.

        Each has the number of its sample, from 0. Of equal spans, that of the first sample is
        returned.
        """
        spans = [(k, span) for k, span in enumerate(self.samples.spans) if span is not None]
        different = {span.text: (k, span) for k, span in reversed(spans)}
        return sorted(different.values(), key=lambda item: (-item[1].characters, item[0]))[:n]

    def _repr_html_(self) -> str:
        return self._panel().to_html()

    def _panel(self) -> Panel:
        return Panel(
            title="Memorisation",
            subtitle=f"{format_count(self.samples.texts, 'text')} compared with "
            f"{format_count(self.documents, 'training document')}",
            facts=tuple(self._main_figures()),
            marked=tuple(
                MarkedText(
                    heading=f"{format_count(span.characters, 'character')} of text {k + 1:,}, "
                    f"in document {span.document + 1:,}",
                    text=replace_surrogates(self.sample_texts[k]),
                    start=span.start,
                    stop=span.start + span.characters,
                )
                for k, span in self.longest_copies(MAX_SHOWN)
            ),
        )

    def _main_figures(self) -> Iterator[tuple[str, str]]:
        """Yield the three main figures, for people."""
        samples, held_out = self.samples, self.held_out

        def beside(figure: Callable[[OverlapFigures], str]) -> str:
            real = "" if held_out is None else f"; held out {figure(held_out)}"
            return figure(samples) + real

        yield (
            "longest copied span",
            beside(
                lambda overlap: (
                    f"median {overlap.longest_quantiles['0.5']:,}, "
                    f"maximum {overlap.longest_quantiles['1.0']:,}"
                )
            ),
        )
        if samples.covered:
            shortest = next(iter(samples.covered))
            name = f"in spans of {shortest} or more"
            yield name, beside(lambda overlap: _percent(overlap.covered[shortest]))
        yield "whole documents", beside(lambda overlap: _percent(overlap.whole))

    def to_json(self) -> dict[str, Any]:
        """Return both overlaps and their difference as a JSON object."""
        return {
            "documents": self.documents,
            "samples": self.samples.to_json(),
            "held_out": self.held_out and self.held_out.to_json(),
            "difference": self.difference(),
        }


def measure_memorisation(
    *,
    documents: Iterable[str],
    samples: Iterable[str],
    held_out: Iterable[str] | None = None,
    ngrams: Sequence[int] = NGRAM_SIZES,
    span_lengths: Sequence[int] = SPAN_LENGTHS,
) -> Memorisation:
    """Measure the overlap of ``samples`` with the training ``documents``.

    The overlap of the ``held_out`` texts is measured for comparison. Documents are read once and
    not kept. Memory is up to 200 bytes for each character of samples and held-out texts. Time is
    linear in the characters of all texts. ``ngrams`` are the n of ``novel_ngrams`` and
    ``span_lengths`` the k of ``covered``.

    Raises CorpusError if there is no document or no sample, or if ``held_out`` is empty. Raises
    SettingsError for an n or a k below 1, and for a string instead of a list of strings.
    """
    for name, texts in (("documents", documents), ("samples", samples), ("held_out", held_out)):
        if isinstance(texts, str):
            raise SettingsError(f"{name} is one string; give a list of texts, such as [text].")
    for name, sizes in (("ngrams", ngrams), ("span_lengths", span_lengths)):
        if invalid := [size for size in sizes if size < 1]:
            raise SettingsError(f"{name} has {invalid[0]}; give whole numbers of 1 or more.")
    drawn = list(samples)
    if not drawn:
        raise CorpusError("there is no sample to look for copies in; give at least one text.")
    real = [] if held_out is None else list(held_out)
    if held_out is not None and not real:
        raise CorpusError("there is no held-out text; give at least one, or leave held_out out.")
    finder = MatchFinder([*drawn, *real])
    if not (count := finder.scan(documents)):
        raise CorpusError(
            "there is no training document to compare with; give at least one that the model was "
            "trained on."
        )

    def overlap(start: int, stop: int) -> OverlapFigures:
        return overlap_figures(finder.matches(start, stop), ngrams, span_lengths)

    return Memorisation(
        documents=count,
        samples=overlap(0, len(drawn)),
        held_out=overlap(len(drawn), len(drawn) + len(real)) if real else None,
        sample_texts=tuple(drawn),
    )


def measure_model_memorisation(
    model: ModelParts,
    corpus: Corpus,
    settings: SamplingSettings,
    n: int,
    texts: Sequence[str] | None = None,
) -> Memorisation:
    """Measure ``n`` samples of a model, or existing ``texts``, beside held-out texts.

    The held-out texts have about the same number and length. Raises CorpusError if ``texts`` is
    empty, and SettingsError for ``n`` below 1.
    """
    settings.seeds(n)
    if texts is None:
        drawn = draw_samples(model.generator, settings, n, model.record.labels)
        texts = [sample.text for sample in drawn]
    return measure_memorisation(
        documents=iter_texts(corpus.training),
        samples=texts,
        held_out=matched_held_out(corpus.validation, texts, model.record.text.document_unit),
    )


def overlap_figures(
    matches: Matches, ngrams: Sequence[int], span_lengths: Sequence[int]
) -> OverlapFigures:
    """Summarize the matches of some texts."""
    texts, characters = len(matches.lengths), len(matches.match_lengths_N)
    longest = np.array([span.characters if span else 0 for span in matches.spans])
    within = int(np.count_nonzero((longest == matches.lengths) & (longest > 0)))
    quantiles = np.quantile(longest, QUANTILES, method="inverted_cdf")
    return OverlapFigures(
        texts=texts,
        characters=characters,
        whole=_fraction(matches.whole_count, texts),
        within=_fraction(within, texts),
        longest_quantiles=dict(zip(map(str, QUANTILES), quantiles.tolist(), strict=True)),
        novel_ngrams={str(n): _novel_fraction(matches, n) for n in ngrams},
        covered={
            str(k): _fraction(_covered_characters(matches, k), characters) for k in span_lengths
        },
        spans=matches.spans,
    )


def _novel_fraction(matches: Matches, n: int) -> float | None:
    """Return the fraction of the n-grams that no document contains.

    An n-gram is copied if the longest copied span with the same end is not shorter.
    """
    occurrences = int(np.maximum(matches.lengths - n + 1, 0).sum())
    copied = int(np.count_nonzero(matches.match_lengths_N >= n))
    return _fraction(occurrences - copied, occurrences)


def _covered_characters(matches: Matches, k: int) -> int:
    """Count the characters in copied spans of at least ``k`` characters."""
    last = np.flatnonzero(matches.match_lengths_N >= k)
    size = len(matches.match_lengths_N) + 1
    starting = np.bincount(last + 1 - matches.match_lengths_N[last], minlength=size)
    ending = np.bincount(last + 1, minlength=size)
    return int(np.count_nonzero(np.cumsum(starting - ending)))


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _percent(fraction: float | None) -> str:
    return "none" if fraction is None else format_percent(fraction, 1)


def _subtract(minuend: Any, subtrahend: Any) -> Any:
    """Subtract numbers, or mappings of numbers by key; None if either number is None."""
    if isinstance(minuend, dict):
        return {key: _subtract(minuend[key], subtrahend[key]) for key in minuend}
    return None if minuend is None or subtrahend is None else minuend - subtrahend
