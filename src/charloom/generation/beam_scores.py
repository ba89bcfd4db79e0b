"""Log probabilities, length penalty and order of the candidates of a beam search.

All results are the same on every machine, so that the texts are too.

Axes: B hypotheses, V symbols, N candidates.
"""

from collections.abc import Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

import numpy as np

from charloom.network.exact import Doubles, Floats, exp, log


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
