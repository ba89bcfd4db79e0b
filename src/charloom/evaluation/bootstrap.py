"""Bootstrap confidence interval of a ratio of two sums over a text.

Source: Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7(1), 1979.
The ratio is computed again for many texts of the same size, drawn from the documents with
replacement. A long document is cut into segments, which are nearly independent (Künsch, "The
Jackknife and the Bootstrap for General Stationary Observations", Annals of Statistics 17(3), 1989).

The interval accounts for the choice of the text only, not for the seed of the training.

Axes: S segments (short documents, or parts of long ones), K buckets, R resampled texts.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SEGMENT_SYMBOLS: Final = 1000
"""Symbols of a segment of a long document."""
MIN_SEGMENTS: Final = 10
"""With fewer segments an interval would be meaningless."""
MAX_BUCKETS: Final = 1 << 13
_RESAMPLES: Final = 1000
_RESAMPLES_PER_BATCH: Final = 100
_QUANTILES: Final = (0.025, 0.975)


class Bootstrap:
    """Collects segments and estimates the interval of nats per character.

    Segments are resampled one by one up to ``max_buckets``. Further segments share buckets, which
    bounds the memory.
    """

    def __init__(self, max_buckets: int = MAX_BUCKETS) -> None:
        self._max_buckets = max_buckets
        self._segments = 0
        self._sums_2K: NDArray[np.float64] = np.zeros((2, max_buckets))
        """Nats and characters of each bucket."""

    def add(self, nats_S: NDArray[np.float64], characters_S: NDArray[np.float64]) -> None:
        """Add segments by their nats and characters."""
        bucket_S = (self._segments + np.arange(len(nats_S))) % self._max_buckets
        for index, values_S in enumerate((nats_S, characters_S)):
            self._sums_2K[index] += np.bincount(
                bucket_S, weights=values_S, minlength=self._max_buckets
            )
        self._segments += len(nats_S)

    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of nats per character.

        Returns None for fewer than MIN_SEGMENTS segments. Resampling has a fixed seed, so the
        result is deterministic.
        """
        if self._segments < MIN_SEGMENTS:
            return None
        buckets = min(self._segments, self._max_buckets)
        generator = np.random.default_rng(0)
        ratios: list[NDArray[np.float64]] = []
        for _ in range(_RESAMPLES // _RESAMPLES_PER_BATCH):
            drawn_RK = generator.integers(0, buckets, (_RESAMPLES_PER_BATCH, buckets))
            nats_R, characters_R = (sums_K[drawn_RK].sum(axis=1) for sums_K in self._sums_2K)
            ratios.append(nats_R / characters_R)
        low, high = np.quantile(np.concatenate(ratios), _QUANTILES)
        return float(low), float(high)
