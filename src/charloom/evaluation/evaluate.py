"""Measure how well a model predicts a text.

Nats and counts are summed over all documents, and divided once, at the end.

Axes: N targets of a block, S segments (see bootstrap.py), D documents.
"""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.displays.panel import Panel
from charloom.errors import CorpusError
from charloom.evaluation.bootstrap import SEGMENT_SYMBOLS, Bootstrap
from charloom.evaluation.scorer import ScoredBlock
from charloom.evaluation.word_count import WordCounter
from charloom.formatting import format_count, format_metric, quote
from charloom.records import Record
from charloom.text.vocabulary import UNK

NO_LABEL = ""
"""The key in ``Evaluation.labels`` of documents without a label."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelMetrics(Record):
    """Metrics of the documents of one label."""

    bits_per_character: float
    accuracy: float
    characters: int
    documents: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation(Record):
    """Metrics of a model on a text. All but ``words`` count one boundary per document."""

    bits_per_character: float
    """Bits per character of the original text, at any level of the model."""
    interval: tuple[float, float] | None
    """95 % confidence interval of ``bits_per_character``; None with fewer than 10 segments."""
    nats_per_symbol: float
    perplexity: float
    """Perplexity per symbol: exp(nats_per_symbol)."""
    perplexity_per_word: float
    """exp(nats / (words + documents)): a boundary counts as a word, as is usual."""
    accuracy: float
    """Fraction of the targets that were the most probable symbol."""
    characters: int
    symbols: int
    words: int
    """Runs of characters between white space; boundaries are not counted."""
    documents: int
    unknown: int
    """Symbols that are not in the vocabulary. Each is scored as ``<unk>``, so a text with many of
    them has fewer bits than its spelling would need."""
    labels: dict[str, LabelMetrics]
    """Metrics by label if the text has labels; the key of documents without one is empty."""

    def to_json(self) -> dict[str, Any]:
        """Return the metrics as a JSON object; an infinite perplexity becomes None."""
        figures = self.to_dict()
        for name in ("perplexity", "perplexity_per_word"):
            if math.isinf(figures[name]):
                figures[name] = None
        return figures

    def rows(self) -> list[tuple[str, str]]:
        """Return name and value of each metric of all texts together, for people."""
        rows = [
            (name.replace("_", " "), format_metric(math.inf if value is None else value))
            for name, value in self.to_json().items()
            if name not in ("labels", "interval")
        ]
        ends = self.interval
        interval = "too short a text" if ends is None else f"{ends[0]:.4f} to {ends[1]:.4f}"
        return [rows[0], ("95 % of samples", interval), *rows[1:]]

    def _repr_html_(self) -> str:
        labels = tuple(
            (
                f"label {quote(label)}" if label else "no label",
                f"{metrics.bits_per_character:.4f} bits per character, "
                f"{format_count(metrics.documents, 'document')}",
            )
            for label, metrics in self.labels.items()
        )
        return Panel(title="Evaluation", facts=(*self.rows(), *labels)).to_html()


class _DocumentSums(NamedTuple):
    nats_D: NDArray[np.float64]
    correct_D: NDArray[np.float64]
    unknown_D: NDArray[np.float64]
    symbols_D: NDArray[np.int64]
    characters_D: NDArray[np.int64]

    @classmethod
    def from_block(cls, scored: ScoredBlock) -> "_DocumentSums":
        return cls(
            nats_D=scored.sum_by_document(scored.nats_N),
            correct_D=scored.sum_by_document(scored.correct_N),
            unknown_D=scored.sum_by_document(scored.targets_N == UNK),
            symbols_D=np.diff(scored.ends_D, prepend=0),
            characters_D=scored.characters_D,
        )


@dataclasses.dataclass
class _Totals:
    nats: float = 0.0
    symbols: int = 0
    characters: int = 0
    correct: int = 0
    documents: int = 0
    unknown: int = 0

    def add(self, sums: _DocumentSums, selected: slice | NDArray[np.bool_], documents: int) -> None:
        self.nats += float(sums.nats_D[selected].sum())
        self.correct += int(sums.correct_D[selected].sum())
        self.unknown += int(sums.unknown_D[selected].sum())
        self.symbols += int(sums.symbols_D[selected].sum())
        self.characters += int(sums.characters_D[selected].sum())
        self.documents += documents

    def label_metrics(self) -> LabelMetrics:
        return LabelMetrics(
            bits_per_character=units.bits_per_character(self.nats, self.characters),
            accuracy=self.correct / self.symbols,
            characters=self.characters,
            documents=self.documents,
        )


def evaluate(scored: Iterable[ScoredBlock]) -> Evaluation:
    """Return the metrics of all documents together.

    Raises CorpusError if there are none.
    """
    total, words, bootstrap = _Totals(), WordCounter(), Bootstrap()
    labels: dict[str, _Totals] = {}
    for block in scored:
        _add_block(block, total, labels)
        words.add(block.block)
        bootstrap.add(*_segments(block))
    if total.documents == 0:
        raise CorpusError("there is no document to evaluate; give at least one line of text.")
    interval = bootstrap.interval()
    return Evaluation(
        bits_per_character=units.bits_per_character(total.nats, total.characters),
        interval=None if interval is None else (units.bits(interval[0]), units.bits(interval[1])),
        nats_per_symbol=total.nats / total.symbols,
        perplexity=units.perplexity(total.nats, total.symbols),
        perplexity_per_word=units.perplexity(total.nats, words.words + total.documents),
        accuracy=total.correct / total.symbols,
        characters=total.characters,
        symbols=total.symbols,
        words=words.words,
        documents=total.documents,
        unknown=total.unknown,
        labels={label: labels[label].label_metrics() for label in sorted(labels)},
    )


def _add_block(scored: ScoredBlock, total: _Totals, labels: dict[str, _Totals]) -> None:
    """Add a block to the totals of all documents and to those of each label."""
    sums = _DocumentSums.from_block(scored)
    total.add(sums, slice(None), len(sums.nats_D) - scored.block.unfinished)
    if scored.block.labels is None:
        return
    labels_D = np.array([label or NO_LABEL for label in scored.block.labels])
    for label in dict.fromkeys(labels_D.tolist()):
        selected_D = labels_D == label
        labels.setdefault(label, _Totals()).add(sums, selected_D, int(selected_D.sum()))


def _segments(scored: ScoredBlock) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nats and characters, (S,), of each segment.

    The characters of a long document are divided among its segments in proportion to symbols.
    """
    lengths_D = np.diff(scored.ends_D, prepend=0)
    starts_D = scored.ends_D - lengths_D
    position_N = np.arange(len(scored.nats_N)) - np.repeat(starts_D, lengths_D)
    starts_S = np.flatnonzero(position_N % SEGMENT_SYMBOLS == 0)
    nats_S = np.add.reduceat(scored.nats_N, starts_S, dtype=np.float64)
    characters_N = np.repeat(scored.characters_D / lengths_D, lengths_D)
    return nats_S, np.add.reduceat(characters_N, starts_S)
