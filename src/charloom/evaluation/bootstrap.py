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

STRETCH: Final = 1000
"""Symbols of a stretch."""
LEAST_PIECES: Final = 10
"""With fewer, what is drawn tells next to nothing."""
_SUMS: Final = 1 << 13
"""Pieces are drawn one by one up to so many; more are put together, which bounds memory."""
_DRAWS: Final = 1000
_AT_ONCE: Final = 100
_SHARES: Final = (0.025, 0.975)


class Bootstrap:
    """Gathers pieces of a text, and tells the interval of a quotient of two sums over them."""

    def __init__(self) -> None:
        self._pieces = 0
        self._sums_2S: NDArray[np.float64] = np.zeros((2, _SUMS))

    def add(self, nats_P: NDArray[np.float64], characters_P: NDArray[np.float64]) -> None:
        """Take in pieces: their nats, and the characters that these are counted over."""
        place_P = (self._pieces + np.arange(len(nats_P))) % _SUMS
        for k, values_P in enumerate((nats_P, characters_P)):
            self._sums_2S[k] += np.bincount(place_P, weights=values_P, minlength=_SUMS)
        self._pieces += len(nats_P)

    def interval(self) -> tuple[float, float] | None:
        """Return between which nats a character 95 % of the drawn texts lie.

        None for fewer than ten pieces. The draws have a seed of their own: it is always the same.
        """
        if self._pieces < LEAST_PIECES:
            return None
        sums = min(self._pieces, _SUMS)
        generator = np.random.default_rng(0)
        drawn: list[NDArray[np.float64]] = []
        for _ in range(_DRAWS // _AT_ONCE):
            chosen_RS = generator.integers(0, sums, (_AT_ONCE, sums))
            nats_R, characters_R = (sums_S[chosen_RS].sum(axis=1) for sums_S in self._sums_2S)
            drawn.append(nats_R / characters_R)
        low, high = np.quantile(np.concatenate(drawn), _SHARES)
        return float(low), float(high)
