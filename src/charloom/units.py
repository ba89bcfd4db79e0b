"""Convert nats to bits, bits per character and perplexity.

Losses are sums in nats, divided once, at the end, by a count. Users see bits per character of the
original text, whatever the level of the model, so that models of different levels are comparable. A
boundary symbol (``<eos>``) counts as one character. No other module contains ln 2.
"""

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NATS_PER_BIT = math.log(2.0)

Nats = TypeVar("Nats", float, "NDArray[np.float64]")


def bits(nats: Nats) -> Nats:
    """Convert nats, a number or an array, to bits."""
    return nats / NATS_PER_BIT


def bits_per_character(nats: float, characters: int) -> float:
    """Convert a sum of ``nats`` over ``characters`` characters to bits per character."""
    return bits(nats) / characters


def perplexity(nats: float, symbols: int) -> float:
    """Return exp(nats / symbols): as hard as a uniform choice among that many symbols.

    Infinite above 709 nats per symbol.
    """
    try:
        return math.exp(nats / symbols)
    except OverflowError:
        return math.inf
