"""Log probabilities, length penalty and order of the candidates of a beam search.

All results are the same on every machine, so that the texts are too. The logarithm is written out,
since the last bit of a library's logarithm may differ between machines.

Axes: B hypotheses, V symbols, N candidates.
"""

from collections.abc import Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

import numpy as np
from numpy.typing import NDArray

from charloom.network.exact import Floats, exp
from charloom.units import NATS_PER_BIT

Doubles = NDArray[np.float64]

LOG_SERIES_TERMS = 10
"""Terms of the series for the logarithm; the remaining ones are below 1e-16 of the result."""


class LengthPenalty:
    """Turns scores into losses, by which texts are ranked, lowest first.

    The loss of a text is its negative score divided by a power of its number of symbols. Losses are
    decimal numbers: their powers are the same on every machine and do not overflow.
    """

    def __init__(self, power: float) -> None:
        self._context = Context(prec=28, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
        self._power = Decimal(power)
        self._divisors: dict[int, Decimal] = {}

    def loss(self, score: float, symbols: int) -> Decimal:
        """Return the loss of a text with a score and a number of symbols."""
        if symbols not in self._divisors:
            self._divisors[symbols] = self._context.power(symbols, self._power)
        return self._context.divide(Decimal(-score), self._divisors[symbols])


def best_first(scores_N: Doubles, chunk: int) -> Iterator[int]:
    """Yield the indices of all finite scores, best first; ties go to the lower index.

    The scores are sorted as they are consumed, ``chunk`` or more at a time.
    """
    left_N = scores_N.copy()
    while (left_N > -np.inf).any():
        last = max(len(left_N) - chunk, 0)
        # Includes all that equal the last one, so that their order does not depend on partition.
        indices_N = np.flatnonzero(
            (left_N >= np.partition(left_N, last)[last]) & (left_N > -np.inf)
        )
        yield from indices_N[np.argsort(-left_N[indices_N], kind="stable")].tolist()
        left_N[indices_N] = -np.inf


def log_sum_exp(logits_BV: Floats) -> Doubles:
    """Return log(sum(exp(logits))) of each row, (B,), at least the maximum of the row."""
    best_B1 = logits_BV.max(axis=1, keepdims=True)
    total_B = np.cumsum(exp(logits_BV - best_B1), axis=1, dtype=np.float64)[:, -1]
    return np.asarray(best_B1[:, 0] + log(total_B), np.float64)


def log(x_B: Doubles) -> Doubles:
    """Return the logarithm of numbers of at least 1.

    For x = m * 2**e it is e * log(2) + 2 artanh((m - 1) / (m + 1)), and artanh(f) is the series f +
    f**3 / 3 + f**5 / 5 ... (Abramowitz and Stegun 1964, 4.1.27). With m between sqrt(1/2) and
    sqrt(2), f**2 is below 0.03.
    """
    m_B, e_B = np.frexp(x_B)
    half_B = m_B * m_B < 0.5
    m_B, e_B = np.where(half_B, 2 * m_B, m_B), e_B - half_B
    f_B = (m_B - 1) / (m_B + 1)
    series_B = np.zeros_like(f_B)
    for k in reversed(range(LOG_SERIES_TERMS)):
        series_B = series_B * (f_B * f_B) + 1 / (2 * k + 1)
    return np.asarray(e_B * NATS_PER_BIT + 2 * f_B * series_B, np.float64)
