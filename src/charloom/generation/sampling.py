"""From logits to the id of the next symbol. Axes: B streams, V symbols."""

import dataclasses
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charloom.network.exact import exp
from charloom.settings import SamplingSettings

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Weights = NDArray[np.float32]


def softmax(
    logits_BV: Floats, temperature: float, allowed_V: Mask | None = None
) -> NDArray[np.float64]:
    """Return softmax(logits / temperature) over the allowed symbols, (B, V); others have exactly 0.

    ``temperature`` is above 0; ``allowed_V`` holds at least one symbol, and None allows all.
    """
    weights_BV = _weights(logits_BV, temperature, allowed_V)
    return np.asarray(weights_BV / weights_BV.sum(axis=1, keepdims=True))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Truncation:
    """Which of the likeliest symbols are drawn from, and how the odds are spread among them."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0

    @classmethod
    def from_settings(cls, settings: SamplingSettings, symbols: int) -> Self:
        """Return what the settings say of a vocabulary of so many symbols."""
        assert settings.temperature is not None
        all_stay = settings.top_k is None or settings.top_k >= symbols
        return cls(
            temperature=settings.temperature,
            top_k=None if all_stay else settings.top_k,
            # Kernels are compiled for numbers of one kind: a whole one would compile them anew.
            top_p=float(settings.top_p or 1),
            min_p=float(settings.min_p or 0),
        )

    @property
    def truncates(self) -> bool:
        """Whether it leaves any symbol out."""
        return self.top_k is not None or self.top_p < 1 or self.min_p > 0


def sampling_weights(logits_BV: Floats, truncation: Truncation) -> Weights:
    """Return probabilities up to a factor of each stream, (B, V); those that are left out have 0.

    A logit of minus infinity is left out, as is what the truncation cuts off; ``choose`` draws from
    these. Every bit of it is decided (arithmetic/exact.py).
    """
    logits_BV = np.asarray(logits_BV, np.float32)
    best_B1 = logits_BV.max(axis=1, keepdims=True)
    if truncation.temperature == 0:
        weights_BV = np.zeros(logits_BV.shape, np.float32)
        weights_BV[np.arange(len(logits_BV)), np.argmax(logits_BV == best_B1, axis=1)] = 1
        return weights_BV
    with np.errstate(over="ignore"):  # a temperature near 0 may take a logit to -inf
        weights_BV = exp((logits_BV - best_B1) / clamp_temperature(truncation.temperature))
    weights_BV[np.isneginf(logits_BV)] = 0
    if truncation.truncates:
        for logits_V, weights_V in zip(logits_BV, weights_BV, strict=True):
            _cut(logits_V, weights_V, truncation)
    return weights_BV


def _cut(logits_V: Weights, weights_V: Weights, truncation: Truncation) -> None:
    """Set the weights of one stream to 0 that top-k, then top-p, then min-p leave out.

    The likeliest one always stays. Of equal logits, that of the lowest id counts as the likelier.
    """
    order = np.argsort(-logits_V, kind="stable")
    kept = min(truncation.top_k or len(order), len(order))
    if truncation.top_p < 1:
        cumulative = np.cumsum(weights_V[order[:kept]], dtype=np.float64)
        kept = int(np.argmax(cumulative >= truncation.top_p * cumulative[-1])) + 1
    below = weights_V[order[:kept]].astype(np.float64) < truncation.min_p
    kept = int(np.argmax(below)) if below.any() else kept
    weights_V[order[kept:]] = 0


def sample(
    logits_BV: Floats, truncation: Truncation, uniforms_B: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the id of the next symbol of each stream, (B,).

    Temperature 0 is greedy: the largest logit, of equals the lowest id. Otherwise the inverse of
    the cumulative distribution in the order of the ids: the first id whose cumulative probability
    exceeds the uniform in [0, 1), taken as a share of the last cumulative probability. An id whose
    logit is minus infinity is never chosen. Every bit of it is decided (arithmetic/exact.py).
    """
    cumulative_BV = np.cumsum(sampling_weights(logits_BV, truncation), axis=1, dtype=np.float64)
    targets_B = uniforms_B * cumulative_BV[:, -1]
    return np.asarray(np.argmax(cumulative_BV > targets_B[:, None], axis=1), np.int64)


def clamp_temperature(temperature: float) -> np.float32:
    """Return what logits are divided by: of a temperature beyond float32, the nearest one there."""
    limits = np.finfo(np.float32)
    return np.float32(min(max(temperature, float(limits.tiny)), float(limits.max)))


def surprisals(logits_BV: Floats, ids_B: NDArray[np.int64]) -> NDArray[np.float64]:
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
