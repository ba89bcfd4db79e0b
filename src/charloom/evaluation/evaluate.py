"""How well a model predicts a body of text: sums over documents, divided once at the end.

Axes: N targets of a block, P pieces of documents (see interval.py), D documents.
"""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.errors import CorpusError
from charloom.evaluation.bootstrap import SEGMENT_SYMBOLS, Bootstrap
from charloom.evaluation.scorer import ScoredBlock
from charloom.evaluation.word_count import WordCounter
from charloom.text.vocabulary import UNK

NO_LABEL = ""
"""What the documents without a label go by."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelMetrics:
    """The figures of the documents of one label."""

    bits_per_character: float
    accuracy: float
    characters: int
    documents: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The figures of a model on a body of text; boundaries are counted, one a document."""

    bits_per_character: float
    """Bits per character of the original text, whatever the level of the model."""
    interval: tuple[float, float] | None
    """Between which bits per character 95 % of other samples of the text would lie; None if it is
    too short to tell."""
    nats_per_symbol: float
    perplexity: float
    """Of a symbol: exp(nats_per_symbol)."""
    perplexity_per_word: float
    """exp(nats / (words + documents)): a boundary counts as a word, as is usual for words."""
    accuracy: float
    """Share of the symbols, boundaries included, that were the most probable one."""
    characters: int
    symbols: int
    words: int
    """What stands between white space; boundaries are not counted here."""
    documents: int
    unknown: int
    """Symbols that the vocabulary lacks; each was scored as ``<unk>``, so the figures flatter."""
    labels: dict[str, LabelMetrics]
    """The figures by label, if the text has labels; those without one go by an empty name."""

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object; a perplexity beyond all numbers is None."""
        figures = dataclasses.asdict(self)
        for name in ("perplexity", "perplexity_per_word"):
            if math.isinf(figures[name]):
                figures[name] = None
        return figures


@dataclasses.dataclass
class _Totals:
    nats: float = 0.0
    symbols: int = 0
    characters: int = 0
    correct: int = 0
    documents: int = 0
    unknown: int = 0


def evaluate(scored: Iterable[ScoredBlock]) -> Evaluation:
    """Return the figures of all documents together; raises CorpusError if there are none."""
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
        labels={label: _label_metrics(labels[label]) for label in sorted(labels)},
    )


def _label_metrics(sums: _Totals) -> LabelMetrics:
    return LabelMetrics(
        bits_per_character=units.bits_per_character(sums.nats, sums.characters),
        accuracy=sums.correct / sums.symbols,
        characters=sums.characters,
        documents=sums.documents,
    )


def _add_block(scored: ScoredBlock, total: _Totals, labels: dict[str, _Totals]) -> None:
    """Add a block to the sums of all documents, and of those of each label."""
    nats_D, correct_D = (
        scored.sum_by_document(scored.nats_N),
        scored.sum_by_document(scored.correct_N),
    )
    unknown_D = scored.sum_by_document(scored.targets_N == UNK)
    symbols_D = np.diff(scored.ends_D, prepend=0)
    characters_D = scored.characters_D

    def add(sums: _Totals, chosen: slice | NDArray[np.bool_], documents: int) -> None:
        sums.nats += float(nats_D[chosen].sum())
        sums.correct += int(correct_D[chosen].sum())
        sums.unknown += int(unknown_D[chosen].sum())
        sums.symbols += int(symbols_D[chosen].sum())
        sums.characters += int(characters_D[chosen].sum())
        sums.documents += documents

    add(total, slice(None), len(nats_D) - scored.block.unfinished)
    if scored.block.labels is None:
        return
    own_D = np.array([label or NO_LABEL for label in scored.block.labels])
    for label in dict.fromkeys(own_D.tolist()):
        chosen_D = own_D == label
        add(labels.setdefault(label, _Totals()), chosen_D, int(chosen_D.sum()))


def _segments(scored: ScoredBlock) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the nats and characters of each piece; a stretch has its share of a document's."""
    lengths_D = np.diff(scored.ends_D, prepend=0)
    begins_D = scored.ends_D - lengths_D
    place_N = np.arange(len(scored.nats_N)) - np.repeat(begins_D, lengths_D)
    begins_P = np.flatnonzero(place_N % SEGMENT_SYMBOLS == 0)
    nats_P = np.add.reduceat(scored.nats_N, begins_P, dtype=np.float64)
    share_N = np.repeat(scored.characters_D / lengths_D, lengths_D)
    return nats_P, np.add.reduceat(share_N, begins_P)
