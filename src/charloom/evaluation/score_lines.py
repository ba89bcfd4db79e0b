"""Lines as they are scored: with their outliers, their most probable labels, and each symbol.

Axes: N targets of a block, D lines, C labels.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.errors import LabelError
from charloom.evaluation.calibration import Calibration
from charloom.evaluation.scorer import Score, ScoredBlock, Scorer
from charloom.text.documents import Block
from charloom.text.symbols import iter_symbols
from charloom.text.vocabulary import EOS

Floats = NDArray[np.float64]


class Threshold(Protocol):
    """What lines are held against."""

    @property
    def limit(self) -> float:
        """The highest surprise of a line that is no outlier."""
        ...

    def surprise(self, bits_D: Floats, characters_D: Floats) -> Floats:
        """Return how surprising lines of so many characters are."""
        ...


@dataclasses.dataclass(frozen=True)
class BitsThreshold:
    """A limit of bits per character, whatever the length."""

    limit: float

    def surprise(self, bits_D: Floats, characters_D: Floats) -> Floats:
        """Return bits per character."""
        return bits_D / characters_D


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoredLine:
    """What is told of a line."""

    text: str
    score: Score
    surprise: float | None
    """Standard deviations above usual texts of its length, or bits per character; None: no
    threshold was given."""
    outlier: bool | None
    label: str | None
    """The label under which it is most probable; None: it was not asked for."""
    symbols: Sequence[tuple[str, float]] | None
    """Each symbol with its bits, the boundary last; None: they were not asked for."""


def score_lines(
    scorer: Scorer,
    blocks: Iterable[Block],
    *,
    threshold: Threshold | None = None,
    per_symbol: bool = False,
    classify: bool = False,
) -> Iterator[list[ScoredLine]]:
    """Yield the lines of each block, in order; memory holds one block.

    Raises LabelError if a model without labels shall tell them.
    """
    if classify and len(scorer.labels) < 2:
        raise LabelError(
            f"this model has {len(scorer.labels) or 'no'} label{'s' * (not scorer.labels)}; to "
            "classify it needs at least two: train a model with --label-column."
        )
    for scored in scorer.score_blocks(blocks):
        texts, scores = scored.block.texts(), list(scored.scores())
        surprises: list[float | None] = [None] * len(texts)
        if threshold is not None:
            bits_D, characters_D = _bits_and_characters(scored)
            surprises = list(threshold.surprise(bits_D, characters_D).tolist())
        labels = scorer.classify(scored) if classify else [None] * len(texts)
        symbols = _symbol_bits(scored, scorer) if per_symbol else [None] * len(texts)
        yield [
            ScoredLine(
                text=text,
                score=score,
                surprise=surprise,
                outlier=None
                if threshold is None or surprise is None
                else surprise > threshold.limit,
                label=label,
                symbols=own,
            )
            for text, score, surprise, label, own in zip(
                texts, scores, surprises, labels, symbols, strict=True
            )
        ]


def calibrate_on_blocks(scorer: Scorer, blocks: Iterable[Block]) -> Calibration:
    """Return what usual lines take; raises CorpusError if they are too few."""
    sizes = [_bits_and_characters(scored) for scored in scorer.score_blocks(blocks)]
    bits, characters = (np.concatenate(kind) for kind in zip(*sizes, strict=True))
    return Calibration.fit(bits, characters)


def _bits_and_characters(scored: ScoredBlock) -> tuple[Floats, Floats]:
    """Return bits and characters of each line."""
    return units.bits(1.0) * scored.sum_by_document(scored.nats_N), scored.characters_D.astype(
        np.float64
    )


def _symbol_bits(scored: ScoredBlock, scorer: Scorer) -> list[list[tuple[str, float]]]:
    """Return the symbols of each line, as they stand in it, with their bits."""
    bits = (units.bits(1.0) * scored.nats_N.astype(np.float64)).tolist()
    end = scorer.vocabulary.symbols[EOS]
    lines, first = [], 0
    for text, last in zip(scored.block.texts(), scored.ends_D.tolist(), strict=True):
        symbols = [*iter_symbols(text, scorer.vocabulary.level), end]
        lines.append(list(zip(symbols, bits[first:last], strict=True)))
        first = last
    return lines
