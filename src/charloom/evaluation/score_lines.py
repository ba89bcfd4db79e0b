"""Score lines: bits, outliers, most probable labels and the bits of each symbol.

Axes: N targets of a block, D lines.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.errors import LabelError
from charloom.evaluation.scorer import Score, ScoredBlock, Scorer
from charloom.text.documents import Block
from charloom.text.vocabulary import EOS

Floats = NDArray[np.float64]


class Threshold(Protocol):
    """A measure of surprise with a limit. A line above the limit is an outlier."""

    @property
    def limit(self) -> float:
        """The highest surprise of a line that is no outlier."""
        ...

    def surprise(self, bits_D: Floats, characters_D: Floats) -> Floats:
        """Return the surprise of lines, (D,), from their bits and characters."""
        ...


@dataclasses.dataclass(frozen=True)
class BitsThreshold:
    """A limit in bits per character, the same for all lengths."""

    limit: float

    def surprise(self, bits_D: Floats, characters_D: Floats) -> Floats:
        """Return bits per character."""
        return bits_D / characters_D


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoredLine:
    """A line with its score and what else was requested."""

    text: str
    score: Score
    surprise: float | None
    """Surprise by the threshold: standard deviations above the mean of usual texts, or bits per
    character. None without a threshold."""
    outlier: bool | None
    """Whether the surprise is above the limit. None without a threshold."""
    label: str | None
    """The most probable label. None unless requested."""
    probabilities: Mapping[str, float] | None
    """The probability of each label. None unless requested."""
    symbols: Sequence[tuple[str, float]] | None
    """Each symbol with its bits, the boundary last. None unless requested."""


def score_lines(
    scorer: Scorer,
    blocks: Iterable[Block],
    *,
    threshold: Threshold | None = None,
    per_symbol: bool = False,
    classify: bool = False,
) -> Iterator[list[ScoredLine]]:
    """Yield the scored lines of each block, in order; memory holds one block.

    Raises LabelError for ``classify`` with a model of fewer than two labels.
    """
    if classify and len(scorer.labels) < 2:
        raise LabelError(
            f"this model has {len(scorer.labels) or 'no'} label{'s' * (not scorer.labels)}; to "
            "classify it needs at least two: train a model with --label-column."
        )
    for scored in scorer.score_blocks(blocks):
        count = len(scored.ends_D)
        yield [
            ScoredLine(
                text=text,
                score=score,
                surprise=surprise,
                outlier=outlier,
                label=None if labels is None else max(labels, key=labels.__getitem__),
                probabilities=labels,
                symbols=symbols,
            )
            for text, score, (surprise, outlier), labels, symbols in zip(
                scored.block.texts(),
                scored.scores(),
                [(None, None)] * count if threshold is None else _surprises(scored, threshold),
                scorer.label_probabilities(scored) if classify else [None] * count,
                symbol_bits(scored, scorer) if per_symbol else [None] * count,
                strict=True,
            )
        ]


def _surprises(scored: ScoredBlock, threshold: Threshold) -> list[tuple[float, bool]]:
    """Return the surprise of each line and whether it is an outlier."""
    surprise_D = threshold.surprise(scored.bits_D, scored.characters_D.astype(np.float64))
    return [(surprise, surprise > threshold.limit) for surprise in surprise_D.tolist()]


def symbol_bits(scored: ScoredBlock, scorer: Scorer) -> list[list[tuple[str, float]]]:
    """Return the symbols of each line, spelled as in the line, with their bits."""
    bits = units.bits(scored.nats_N.astype(np.float64)).tolist()
    boundary = scorer.vocabulary.symbols[EOS]
    lines, start = [], 0
    for text, end in zip(scored.block.texts(), scored.ends_D.tolist(), strict=True):
        symbols = [*scorer.vocabulary.iter_symbols(text), boundary]
        lines.append(list(zip(symbols, bits[start:end], strict=True)))
        start = end
    return lines
