"""Which texts are outliers: bits against what texts of the same length usually take.

A short text varies more than a long one, and its boundary weighs more, so one limit of bits per
character would mark short texts only. Bits of a usual text of n characters have about the mean
``a + b n``, and, as sums of n dependent terms, the variance ``c + d n``; both lines are fitted by
weighted least squares. What is told of a text is how many standard deviations it lies above the
mean; the limit is a quantile of that over the texts that it was fitted to, whatever their
distribution.

Axes: N targets of all texts, D texts.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.data.dataset import Dataset
from charloom.data.memory_map import RELEASE_AFTER
from charloom.errors import CorpusError
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.text.vocabulary import EOS, Vocabulary

FALSE_POSITIVE_RATE: Final = 0.01
"""Share of usual texts that lie above the limit."""
MIN_TEXTS: Final = 50
MAX_SYMBOLS: Final = 100_000
"""A limit to what is read; the texts are taken from all over the part."""
_MAX_DOCUMENTS: Final = 4000
_ITERATIONS: Final = 3
_MIN_VARIANCE: Final = 1e-3

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """What usual texts take, by their characters (boundary included)."""

    mean: tuple[float, float]
    """a and b: bits of a text of n characters are about a + b n."""
    variance: tuple[float, float]
    """c and d: their variance is about c + d n."""
    limit: float
    """Standard deviations above the mean from which on a text is an outlier."""
    texts: int
    """Texts that this was fitted to."""

    @classmethod
    def fit(cls, bits_D: Floats, characters_D: Floats) -> Self:
        """Return the calibration of usual texts; raises CorpusError if they are too few."""
        if len(bits_D) < MIN_TEXTS:
            raise CorpusError(
                f"a threshold was to be found from {len(bits_D)} texts; at least {MIN_TEXTS} are "
                "needed; give more with --calibrate, or --threshold as bits per character."
            )
        variance_D = characters_D
        for _ in range(_ITERATIONS):
            mean = _fit_line(bits_D, characters_D, variance_D)
            squares_D = (bits_D - mean[0] - mean[1] * characters_D) ** 2
            # A square of mean v varies with 2 v v.
            variance = _fit_nonnegative_line(squares_D, characters_D, variance_D**2)
            variance_D = np.maximum(variance[0] + variance[1] * characters_D, _MIN_VARIANCE)
        made = cls(mean=mean, variance=variance, limit=0.0, texts=len(bits_D))
        limit = float(np.quantile(made.surprise(bits_D, characters_D), 1 - FALSE_POSITIVE_RATE))
        return dataclasses.replace(made, limit=limit)

    def surprise(self, bits_D: Floats, characters_D: Floats) -> Floats:
        """Return how many standard deviations texts lie above the mean of their length."""
        (a, b), (c, d) = self.mean, self.variance
        spread_D = np.sqrt(np.maximum(c + d * characters_D, _MIN_VARIANCE))
        surprise_D: Floats = (bits_D - a - b * characters_D) / spread_D
        return surprise_D

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the calibration that ``to_json`` gave."""
        return cls(
            mean=(float(record["mean"][0]), float(record["mean"][1])),
            variance=(float(record["variance"][0]), float(record["variance"][1])),
            limit=float(record["limit"]),
            texts=int(record["texts"]),
        )


def _fit_line(values_D: Floats, lengths_D: Floats, variance_D: Floats) -> tuple[float, float]:
    """Return the line that fits best; of texts of one length, the shortest such vector."""
    weights_D = 1 / np.sqrt(variance_D)
    design_D2 = np.stack([np.ones(len(lengths_D)), lengths_D], axis=1) * weights_D[:, None]
    (a, b), *_ = np.linalg.lstsq(design_D2, values_D * weights_D, rcond=None)
    return float(a), float(b)


def _fit_nonnegative_line(
    values_D: Floats, lengths_D: Floats, variance_D: Floats
) -> tuple[float, float]:
    """Return the line of best fit among those that neither fall nor begin below zero."""
    c, d = _fit_line(values_D, lengths_D, variance_D)
    if c >= 0 and d >= 0:
        return c, d
    weights_D = 1 / variance_D
    if d < 0:
        return float((values_D * weights_D).sum() / weights_D.sum()), 0.0
    through = (values_D * lengths_D * weights_D).sum() / (lengths_D**2 * weights_D).sum()
    return 0.0, float(through)


def calibrate_on_dataset(
    symbol_scorer: SymbolScorer, vocabulary: Vocabulary, dataset: Dataset
) -> Calibration | None:
    """Return what lines of ``part`` take, None if there are too few.

    A document of several lines counts as these, for lines are what is scored.
    """
    texts = list(_sample_lines(vocabulary, dataset))
    if len(texts) < MIN_TEXTS:
        return None
    step = max(1, sum(len(ids) for ids, _ in texts) // MAX_SYMBOLS)
    texts = texts[::step]
    targets_N = np.concatenate([piece for ids, _ in texts for piece in (ids, [EOS])])
    ends_D = np.cumsum([len(ids) + 1 for ids, _ in texts])
    found = symbol_scorer.surprisals(targets_N, ends_D, np.full(len(texts), -1))
    begins_D = np.concatenate([[0], ends_D[:-1]])
    nats_D = np.add.reduceat(found.nats_N, begins_D, dtype=np.float64)
    characters_D = np.array([characters + 1.0 for _, characters in texts])
    return Calibration.fit(units.bits(1.0) * nats_D, characters_D)


def _sample_lines(vocabulary: Vocabulary, dataset: Dataset) -> Iterator[tuple[Ids, int]]:
    """Yield ids and characters of the lines that are not empty."""
    feed = vocabulary.ids.get("<0x0A>" if vocabulary.level == "byte" else "\n", -1)
    chosen = np.unique(np.linspace(0, len(dataset) - 1, _MAX_DOCUMENTS).astype(int))
    for number, index in enumerate(chosen.tolist(), 1):
        ids, widths = dataset.document(index), dataset.characters(index)
        feeds = np.flatnonzero(ids == feed)
        for own, wide in zip(np.split(ids, feeds), np.split(widths, feeds), strict=True):
            first = int(len(own) > 0 and own[0] == feed)
            if len(own) > first:
                yield own[first:], int(wide[first:].sum())
        if number % RELEASE_AFTER == 0 or number == len(chosen):
            dataset.release()
