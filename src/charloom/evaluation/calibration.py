"""Detect outliers: texts with more bits than usual texts of their length.

Short texts vary more than long ones, and the boundary symbol has more weight in them, so a single
limit in bits per character would mark short texts only. The bits of a usual text of n characters
have about the mean ``a + b n`` and, as a sum of n dependent terms, the variance ``c + d n``. Both
lines are fitted by weighted least squares. The surprise of a text is the number of standard
deviations above the mean. The limit is a quantile of the surprise of the usual texts themselves,
so it does not depend on the shape of the distribution.

Axes: N targets of all texts, D texts.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.data.dataset import Dataset
from charloom.data.memory_map import RELEASE_AFTER
from charloom.errors import CorpusError
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.text.documents import Block
from charloom.text.vocabulary import EOS, Vocabulary

FALSE_ALARMS: Final = 0.01
"""Fraction of the usual texts above the limit, the default."""
_TAIL_RATES: Final = 40
"""Fractions of texts for which a limit is recorded."""
MIN_TEXTS: Final = 50
MAX_SYMBOLS: Final = 100_000
"""Approximate number of symbols of a dataset that are scored, spread over the whole dataset."""
_MAX_DOCUMENTS: Final = 4000
_ITERATIONS: Final = 3
_MIN_VARIANCE: Final = 1e-3

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """Bits of usual texts as a function of their characters, the boundary included."""

    mean: tuple[float, float]
    """a and b: a text of n characters has about a + b n bits."""
    variance: tuple[float, float]
    """c and d: the variance of its bits is about c + d n."""
    limit: float
    """Surprise above which a text is an outlier, in standard deviations."""
    texts: int
    """Texts used for the fit."""
    tail: tuple[tuple[float, float], ...] = ()
    """Pairs of a fraction of usual texts and the limit above which it is, largest fraction first.
    Empty in models of older versions."""

    @classmethod
    def fit(cls, bits_D: Floats, characters_D: Floats) -> Self:
        """Fit mean, variance and limit to usual texts.

        Raises CorpusError for fewer than MIN_TEXTS texts.
        """
        if len(bits_D) < MIN_TEXTS:
            raise CorpusError(
                f"{len(bits_D)} texts were given to calibrate the threshold; at least {MIN_TEXTS} "
                "are needed; give more with --calibrate, or bits per character with --threshold."
            )
        variance_D = characters_D
        for _ in range(_ITERATIONS):
            mean = _fit_line(bits_D, characters_D, variance_D)
            squares_D = (bits_D - mean[0] - mean[1] * characters_D) ** 2
            # The square of a normal deviate of variance v has the variance 2 v**2.
            variance = _fit_nonnegative_line(squares_D, characters_D, variance_D**2)
            variance_D = np.maximum(variance[0] + variance[1] * characters_D, _MIN_VARIANCE)
        unlimited = cls(mean=mean, variance=variance, limit=0.0, texts=len(bits_D))
        surprise_D = unlimited.surprise(bits_D, characters_D)
        rates = np.geomspace(0.5, 1 / len(bits_D), _TAIL_RATES)
        limits = np.quantile(surprise_D, 1 - rates)
        return dataclasses.replace(
            unlimited,
            limit=float(np.quantile(surprise_D, 1 - FALSE_ALARMS)),
            tail=tuple(zip(rates.tolist(), limits.tolist(), strict=True)),
        )

    def with_false_alarms(self, rate: float) -> Self:
        """Return the calibration with the limit that this fraction of usual texts exceeds.

        It is interpolated between the recorded limits, linearly in the logarithm of the fraction.
        Raises CorpusError if there were too few texts to estimate it.
        """
        if rate == FALSE_ALARMS:
            return self
        if not self.tail or not self.tail[-1][0] <= rate <= self.tail[0][0]:
            known = f"{self.tail[-1][0]:.2g} to {self.tail[0][0]:g}" if self.tail else "0.01"
            raise CorpusError(
                f"false-alarms is {rate:g}; {self.texts:,} texts were calibrated on, which allow "
                f"for {known}; give more such texts with --calibrate."
            )
        rates, limits = zip(*reversed(self.tail), strict=True)
        limit = float(np.interp(np.log(rate), np.log(rates), limits))
        return dataclasses.replace(self, limit=limit)

    def surprise(self, bits_D: Floats, characters_D: Floats) -> Floats:
        """Return the standard deviations of each text above the mean of its length."""
        (a, b), (c, d) = self.mean, self.variance
        deviation_D = np.sqrt(np.maximum(c + d * characters_D, _MIN_VARIANCE))
        surprise_D: Floats = (bits_D - a - b * characters_D) / deviation_D
        return surprise_D

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the calibration that ``to_json`` wrote."""
        return cls(
            mean=(float(record["mean"][0]), float(record["mean"][1])),
            variance=(float(record["variance"][0]), float(record["variance"][1])),
            limit=float(record["limit"]),
            texts=int(record["texts"]),
            tail=tuple((float(rate), float(limit)) for rate, limit in record.get("tail", ())),
        )


def _fit_line(values_D: Floats, lengths_D: Floats, variance_D: Floats) -> tuple[float, float]:
    """Fit an intercept and a slope by weighted least squares.

    If all lengths are equal, the result is the solution of least norm.
    """
    weights_D = 1 / np.sqrt(variance_D)
    design_D2 = np.stack([np.ones(len(lengths_D)), lengths_D], axis=1) * weights_D[:, None]
    (a, b), *_ = np.linalg.lstsq(design_D2, values_D * weights_D, rcond=None)
    return float(a), float(b)


def _fit_nonnegative_line(
    values_D: Floats, lengths_D: Floats, variance_D: Floats
) -> tuple[float, float]:
    """Fit an intercept and a slope of at least zero each."""
    c, d = _fit_line(values_D, lengths_D, variance_D)
    if c >= 0 and d >= 0:
        return c, d
    weights_D = 1 / variance_D
    if d < 0:
        return float((values_D * weights_D).sum() / weights_D.sum()), 0.0
    slope = (values_D * lengths_D * weights_D).sum() / (lengths_D**2 * weights_D).sum()
    return 0.0, float(slope)


def calibrate_on_blocks(scorer: Scorer, blocks: Iterable[Block]) -> Calibration:
    """Fit a calibration to all lines of ``blocks``.

    Raises CorpusError for fewer than MIN_TEXTS lines.
    """
    scored = [(block.bits_D, block.characters_D) for block in scorer.score_blocks(blocks)]
    bits, characters = (np.concatenate(column) for column in zip(*scored, strict=True))
    return Calibration.fit(bits, characters.astype(np.float64))


def calibrate_on_dataset(
    symbol_scorer: SymbolScorer, vocabulary: Vocabulary, dataset: Dataset
) -> Calibration | None:
    """Fit a calibration to lines of a held-out dataset.

    Returns None if it has fewer than MIN_TEXTS lines. A document of several lines counts as several
    texts, since users score lines.
    """
    lines = list(_sample_lines(vocabulary, dataset))
    if len(lines) < MIN_TEXTS:
        return None
    step = max(1, sum(len(ids) for ids, _ in lines) // MAX_SYMBOLS)
    lines = lines[::step]
    targets_N = np.concatenate([part for ids, _ in lines for part in (ids, [EOS])])
    ends_D = np.cumsum([len(ids) + 1 for ids, _ in lines])
    surprisals = symbol_scorer.surprisals(targets_N, ends_D, np.full(len(lines), -1))
    starts_D = np.concatenate([[0], ends_D[:-1]])
    nats_D = np.add.reduceat(surprisals.nats_N, starts_D, dtype=np.float64)
    characters_D = np.array([characters + 1.0 for _, characters in lines])
    return Calibration.fit(units.bits(nats_D), characters_D)


def _sample_lines(vocabulary: Vocabulary, dataset: Dataset) -> Iterator[tuple[Ids, int]]:
    """Yield ids and characters of the lines of evenly spaced documents.

    Empty lines are left out.
    """
    line_feed = vocabulary.ids.get("<0x0A>" if vocabulary.level == "byte" else "\n", -1)
    indices = np.unique(np.linspace(0, len(dataset) - 1, _MAX_DOCUMENTS).astype(int))
    for count, index in enumerate(indices.tolist(), 1):
        ids, widths = dataset.document(index), dataset.characters(index)
        breaks = np.flatnonzero(ids == line_feed)
        for line, line_widths in zip(np.split(ids, breaks), np.split(widths, breaks), strict=True):
            # All lines but the first begin with the line feed that ended the one before.
            first = int(len(line) > 0 and line[0] == line_feed)
            if len(line) > first:
                yield line[first:], int(line_widths[first:].sum())
        if count % RELEASE_AFTER == 0 or count == len(indices):
            dataset.release()
