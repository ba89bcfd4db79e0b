"""From logits to the id of the next symbol. Axes: B streams, V symbols."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.generation.arithmetic import exp

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def probabilities(
    logits_BV: Floats, temperature: float, allowed_V: Mask | None = None
) -> NDArray[np.float64]:
    """Return softmax(logits / temperature) over the allowed symbols, (B, V); others have exactly 0.

    ``temperature`` is above 0; ``allowed_V`` holds at least one symbol, and None allows all.
    """
    weights_BV = _weights(logits_BV, temperature, allowed_V)
    return np.asarray(weights_BV / weights_BV.sum(axis=1, keepdims=True))


def choose(
    logits_BV: Floats,
    temperature: float,
    uniforms_B: NDArray[np.float64],
    allowed_V: Mask | None = None,
) -> NDArray[np.int64]:
    """Return the id of the next symbol of each stream, (B,).

    Temperature 0 is greedy: the largest logit, of equals the lowest id. Otherwise the inverse of
    the cumulative distribution in the order of the ids: the first id whose cumulative probability
    exceeds the uniform in [0, 1), taken as a share of the last cumulative probability. An id that
    is not allowed is never chosen. Every bit of it is decided (arithmetic.py).
    """
    logits_BV = np.asarray(logits_BV, np.float32)
    kept_BV = logits_BV if allowed_V is None else np.where(allowed_V, logits_BV, -np.inf)
    best_B1 = kept_BV.max(axis=1, keepdims=True)
    if temperature == 0:
        return np.asarray(np.argmax(kept_BV == best_B1, axis=1), np.int64)
    with np.errstate(over="ignore"):  # a temperature near 0 may take a logit to -inf
        weights_BV = exp((logits_BV - best_B1) / divisor(temperature))
    if allowed_V is not None:
        weights_BV[:, ~allowed_V] = 0
    cumulative_BV = np.cumsum(weights_BV, axis=1, dtype=np.float64)
    targets_B = uniforms_B * cumulative_BV[:, -1]
    return np.asarray(np.argmax(cumulative_BV > targets_B[:, None], axis=1), np.int64)


def divisor(temperature: float) -> np.float32:
    """Return what logits are divided by: a temperature too small for float32 is the smallest."""
    return np.float32(max(temperature, float(np.finfo(np.float32).tiny)))


def cost(logits_BV: Floats, ids_B: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what ``surprisal`` gives, as float32 rounds it, with the arithmetic of the kernels."""
    best_B1 = logits_BV.max(axis=1, keepdims=True)
    total_B = np.cumsum(exp(logits_BV - best_B1), axis=1, dtype=np.float64)[:, -1]
    chosen_B = logits_BV[np.arange(len(ids_B)), ids_B] - best_B1[:, 0]
    return np.asarray(np.log(total_B) - chosen_B, np.float64)


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
