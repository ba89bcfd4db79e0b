"""Nats, bits, bits per character and perplexity: the only place where ln 2 appears.

Losses are summed in nats and divided once, at the end, by what they are counted over. Every figure
that a user sees is in bits per character of the original text, whatever the level of the model, so
models of different levels compare. A boundary symbol (``<eos>``) counts as one character.
"""

import math

NATS_PER_BIT = math.log(2.0)


def bits(nats: float) -> float:
    """Return the information of ``nats`` nats, in bits."""
    return nats / NATS_PER_BIT


def bits_per_character(nats: float, characters: int) -> float:
    """Return a sum of ``nats`` over a text of ``characters`` characters, in bits per character."""
    return bits(nats) / characters


def perplexity(nats: float, symbols: int) -> float:
    """Return exp(nats / symbols): the size of an equally hard uniform choice for each symbol.

    Infinite above 709 nats a symbol.
    """
    try:
        return math.exp(nats / symbols)
    except OverflowError:
        return math.inf
