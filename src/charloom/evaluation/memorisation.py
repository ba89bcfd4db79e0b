"""How much of some texts was copied from the training text, beside the same of real texts.

Real texts share words and phrases with the training text too, and so do texts of a model that has
learned to write and copies nothing. What a model memorised is therefore the difference: its samples
against texts of the same kind that it never saw, best about as many and about as long.

Everything is case-sensitive and counted in code points, and a span never reaches over two
documents.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from charloom.errors import CorpusError, SettingsError
from charloom.evaluation.copies import CopiedSpan, Matches, MatchFinder

NGRAM_SIZES = tuple(range(2, 11))
SPAN_LENGTHS = (20, 50, 100)
QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverlapFigures:
    """What some texts share with the training documents. A share of nothing is None."""

    texts: int
    characters: int
    whole: float | None
    """Share of the texts that are a training document, letter for letter; an empty one is none."""
    within: float | None
    """Share of the texts that stand in one, as a part or whole; an empty one does not."""
    longest_quantiles: Mapping[float, int]
    """Characters of a text's longest copied span, by quantile; each is that of some text."""
    novel_ngrams: Mapping[int, float | None]
    """Share of the n-grams of characters, by n, that stand in no training document.

    Each is counted as often as it occurs; none reaches over two texts.
    """
    covered: Mapping[int, float | None]
    """Share of the characters that lie in copied spans of at least k characters, by k."""
    spans: tuple[CopiedSpan | None, ...]
    """The longest copied span of each text, the first of several; None: it shares no character."""

    def figures(self) -> dict[str, Any]:
        """Return all but the spans as a JSON object."""
        return {
            "texts": self.texts,
            "characters": self.characters,
            "whole": self.whole,
            "within": self.within,
            "longest_quantiles": _with_string_keys(self.longest_quantiles),
            "novel_ngrams": _with_string_keys(self.novel_ngrams),
            "covered": _with_string_keys(self.covered),
        }

    def to_json(self) -> dict[str, Any]:
        """Return figures and spans as a JSON object."""
        return {**self.figures(), "spans": [span and span.to_json() for span in self.spans]}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memorisation:
    """What samples share with the training documents, and what real texts share with them."""

    documents: int
    """Training documents."""
    samples: OverlapFigures
    held_out: OverlapFigures | None
    """The same of real texts that the model never saw; None: none were given."""

    def difference(self) -> dict[str, Any] | None:
        """Return the figures of the samples less those of the held-out texts: the finding.

        None without held-out texts; a share that either side lacks is None.
        """
        if self.held_out is None:
            return None
        ours, theirs = self.samples.figures(), self.held_out.figures()
        return {name: _subtract(ours[name], theirs[name]) for name in list(ours)[2:]}

    def to_json(self) -> dict[str, Any]:
        """Return both and their difference as a JSON object."""
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
    """Return what ``samples`` share with the training ``documents``, and ``held_out`` beside them.

    Training documents are read once and not kept; each character of samples and held-out texts
    takes up to 200 bytes. The search takes a time that grows with the number of characters alone.
    ``ngrams`` are the n and ``span_lengths`` the k of the figures.

    Raises CorpusError when there is no document, no sample, or held-out texts were given and there
    is none; SettingsError for an n or a k below 1, and for one string in the place of several.
    """
    for name, given in (("documents", documents), ("samples", samples), ("held_out", held_out)):
        if isinstance(given, str):
            raise SettingsError(f"{name} is one string; give a list of texts, such as [text].")
    for name, sizes in (("ngrams", ngrams), ("span_lengths", span_lengths)):
        if wrong := [size for size in sizes if size < 1]:
            raise SettingsError(f"{name} has {wrong[0]}; give whole numbers of 1 or more.")
    texts = list(samples)
    count = len(texts)
    if not count:
        raise CorpusError("there is no sample to look for copies in; give at least one text.")
    texts.extend(() if held_out is None else held_out)
    if held_out is not None and len(texts) == count:
        raise CorpusError("there is no held-out text; give at least one, or leave held_out out.")
    finder = MatchFinder(texts)
    if not (read := finder.scan(documents)):
        raise CorpusError(
            "there is no training document to look for; give at least one that the model has "
            "learned from."
        )

    def between(start: int, stop: int) -> OverlapFigures:
        return overlap_figures(finder.matches(start, stop), ngrams, span_lengths)

    return Memorisation(
        documents=read,
        samples=between(0, count),
        held_out=None if held_out is None else between(count, len(texts)),
    )


def overlap_figures(
    matches: Matches, ngrams: Sequence[int], span_lengths: Sequence[int]
) -> OverlapFigures:
    """Return the figures of some texts of which is known what they have in common."""
    texts, characters = len(matches.lengths), len(matches.match_lengths_N)
    longest = np.array([span.characters if span else 0 for span in matches.spans])
    within = int(np.count_nonzero((longest == matches.lengths) & (longest > 0)))
    attained = np.quantile(longest, QUANTILES, method="inverted_cdf")
    return OverlapFigures(
        texts=texts,
        characters=characters,
        whole=_fraction(matches.whole_count, texts),
        within=_fraction(within, texts),
        longest_quantiles=dict(zip(QUANTILES, attained.tolist(), strict=True)),
        novel_ngrams={n: _novel_fraction(matches, n) for n in ngrams},
        covered={k: _fraction(_covered_characters(matches, k), characters) for k in span_lengths},
        spans=matches.spans,
    )


def _novel_fraction(matches: Matches, n: int) -> float | None:
    """Return the share of n-grams that were not copied: one was if a span that ends there was."""
    occurrences = int(np.maximum(matches.lengths - n + 1, 0).sum())
    return _fraction(occurrences - int(np.count_nonzero(matches.match_lengths_N >= n)), occurrences)


def _covered_characters(matches: Matches, k: int) -> int:
    """Return how many characters lie in a copied span of at least ``k`` characters."""
    ends = np.flatnonzero(matches.match_lengths_N >= k)
    size = len(matches.match_lengths_N) + 1
    begun = np.bincount(ends + 1 - matches.match_lengths_N[ends], minlength=size)
    ended = np.bincount(ends + 1, minlength=size)
    return int(np.count_nonzero(np.cumsum(begun - ended)))


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _with_string_keys(figures: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in figures.items()}


def _subtract(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict):
        return {key: _subtract(ours[key], theirs[key]) for key in ours}
    return None if ours is None or theirs is None else ours - theirs
