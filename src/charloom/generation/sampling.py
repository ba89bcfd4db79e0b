"""From logits to the id of the next symbol. Axes: B streams, V symbols."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

TIE = 1e-9
"""Logits this close are equal: rounding, which depends on the batch, must not break a tie."""


def probabilities(
    logits_BV: Floats, temperature: float, allowed_V: Mask | None = None
) -> NDArray[np.float64]:
    """Return softmax(logits / temperature) over the allowed symbols, (B, V); others have exactly 0.

    ``temperature`` is above 0; ``allowed_V`` holds at least one symbol, and None allows all.
    """
    weights_BV = _weights(logits_BV, temperature, allowed_V)
    return np.asarray(weights_BV / weights_BV.sum(axis=1, keepdims=True))


def greedy(logits_BV: Floats, allowed_V: Mask | None = None) -> NDArray[np.int64]:
    """Return the most probable allowed symbol of each stream, (B,); of equals the lowest id."""
    kept_BV = logits_BV if allowed_V is None else np.where(allowed_V, logits_BV, -np.inf)
    return np.asarray(np.argmax(kept_BV >= kept_BV.max(axis=1, keepdims=True) - TIE, axis=1))


def choose(
    logits_BV: Floats,
    temperature: float,
    uniforms_B: NDArray[np.float64],
    allowed_V: Mask | None = None,
) -> NDArray[np.int64]:
    """Return the id of the next symbol of each stream, (B,); temperature 0 is greedy.

    The inverse of the cumulative distribution in the order of the ids: with the weights
    exp((logit - highest allowed logit) / temperature), the first id whose sum of weights up to and
    with its own exceeds the uniform in [0, 1) times the sum of all. An id of weight 0 is never
    chosen.
    """
    if temperature == 0:
        return greedy(logits_BV, allowed_V)
    cumulative_BV = _weights(logits_BV, temperature, allowed_V).cumsum(axis=1)
    targets_B = uniforms_B * cumulative_BV[:, -1]
    return np.asarray(np.argmax(cumulative_BV > targets_B[:, None], axis=1))


def surprisal(logits_BV: Floats, ids_B: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return -log(softmax(logits)) of one id of each stream, in nats, (B,)."""
    best_B = logits_BV.max(axis=1)
    total_B = np.exp(logits_BV - best_B[:, None]).sum(axis=1)
    chosen_B = logits_BV[np.arange(len(ids_B)), ids_B]
    return np.asarray(np.log(total_B) + best_B - chosen_B, np.float64)


def _weights(logits_BV: Floats, temperature: float, allowed_V: Mask | None) -> NDArray[np.float64]:
    """Return probabilities up to a factor of each stream, (B, V); the highest is 1."""
    kept_BV = logits_BV if allowed_V is None else np.where(allowed_V, logits_BV, -np.inf)
    below_best_BV = np.asarray(kept_BV - kept_BV.max(axis=1, keepdims=True), np.float64)
    with np.errstate(over="ignore"):  # a temperature near 0 may take a logit to -inf: weight 0
        return np.asarray(np.exp(below_best_BV / temperature))
