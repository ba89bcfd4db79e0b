"""How far a figure may be off since the text is only a sample: the bootstrap.

Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7(1), 1979: the
figure is computed again for texts of the same size that are drawn from the documents with
replacement. A document that is long counts as several stretches, which are nearly independent
(Künsch, "The Jackknife and the Bootstrap for General Stationary Observations", Annals of Statistics
17(3), 1989).

Axes: P pieces (documents, or stretches of long ones), S sums, R texts that are drawn.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SEGMENT_SYMBOLS: Final = 1000
"""Symbols of a stretch."""
MIN_SEGMENTS: Final = 10
"""With fewer, what is drawn tells next to nothing."""
_MAX_BUCKETS: Final = 1 << 13
"""Pieces are drawn one by one up to so many; more are put together, which bounds memory."""
_RESAMPLES: Final = 1000
_RESAMPLES_PER_BATCH: Final = 100
_QUANTILES: Final = (0.025, 0.975)


class Bootstrap:
    """Gathers pieces of a text, and tells the interval of a quotient of two sums over them."""

    def __init__(self) -> None:
        self._segments = 0
        self._sums_2K: NDArray[np.float64] = np.zeros((2, _MAX_BUCKETS))

    def add(self, nats_S: NDArray[np.float64], characters_S: NDArray[np.float64]) -> None:
        """Take in pieces: their nats, and the characters that these are counted over."""
        place_P = (self._segments + np.arange(len(nats_S))) % _MAX_BUCKETS
        for k, values_P in enumerate((nats_S, characters_S)):
            self._sums_2K[k] += np.bincount(place_P, weights=values_P, minlength=_MAX_BUCKETS)
        self._segments += len(nats_S)

    def interval(self) -> tuple[float, float] | None:
        """Return between which nats a character 95 % of the drawn texts lie.

        None for fewer than ten pieces. The draws have a seed of their own: it is always the same.
        """
        if self._segments < MIN_SEGMENTS:
            return None
        sums = min(self._segments, _MAX_BUCKETS)
        generator = np.random.default_rng(0)
        drawn: list[NDArray[np.float64]] = []
        for _ in range(_RESAMPLES // _RESAMPLES_PER_BATCH):
            chosen_RS = generator.integers(0, sums, (_RESAMPLES_PER_BATCH, sums))
            nats_R, characters_R = (sums_S[chosen_RS].sum(axis=1) for sums_S in self._sums_2K)
            drawn.append(nats_R / characters_R)
        low, high = np.quantile(np.concatenate(drawn), _QUANTILES)
        return float(low), float(high)
