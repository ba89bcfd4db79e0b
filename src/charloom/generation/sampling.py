"""From logits to the id of the next symbol.

``sampling_weights`` and ``sample`` use the arithmetic of network/exact.py, so their results are the
same on every machine and in the compiled decoder. ``surprisals`` end with the logarithm of a
library, whose last bit may differ.

Axes: B sequences, V symbols.
"""

import dataclasses
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charloom.network.exact import exp
from charloom.settings import SamplingSettings

Floats = NDArray[np.floating[Any]]
Weights = NDArray[np.float32]


def softmax(logits_BV: Floats) -> NDArray[np.float64]:
    """Return the probabilities of the logits in float64, (B, V)."""
    weights_BV = np.exp((logits_BV - logits_BV.max(axis=1, keepdims=True)).astype(np.float64))
    return np.asarray(weights_BV / weights_BV.sum(axis=1, keepdims=True))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Truncation:
    """The temperature, and how many of the most probable symbols are sampled from."""

    temperature: float = 1.0
    """0 is greedy."""
    top_k: int | None = None
    """Sample from the k most probable symbols only; ties go to the lower id."""
    top_p: float = 1.0
    """Sample from the fewest symbols whose probabilities sum to at least p, after top-k."""
    min_p: float = 0.0
    """Sample from symbols of at least this fraction of the highest probability, after top-p."""

    @classmethod
    def from_settings(cls, settings: SamplingSettings, symbols: int) -> Self:
        """Return the options of some settings for a vocabulary of ``symbols`` symbols."""
        assert settings.temperature is not None
        keeps_all = settings.top_k is None or settings.top_k >= symbols
        return cls(
            temperature=settings.temperature,
            top_k=None if keeps_all else settings.top_k,
            # Always floats: Numba would compile the kernels again for an int.
            top_p=float(settings.top_p or 1),
            min_p=float(settings.min_p or 0),
        )

    @property
    def truncates(self) -> bool:
        """Whether any symbol may be left out."""
        return self.top_k is not None or self.top_p < 1 or self.min_p > 0


def sampling_weights(logits_BV: Floats, truncation: Truncation) -> Weights:
    """Return unnormalized probabilities, (B, V).

    The most probable symbol has weight 1. The weight is 0 where the logit is minus infinity, and
    where top-k, top-p or min-p leave a symbol out.
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
            _truncate(logits_V, weights_V, truncation)
    return weights_BV


def _truncate(logits_V: Weights, weights_V: Weights, truncation: Truncation) -> None:
    """Set to 0 the weights that top-k, then top-p, then min-p leave out.

    The most probable symbol is always kept. Of equal logits, the lower id ranks higher.
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
    """Return the id of the next symbol of each sequence, (B,), for uniforms in [0, 1).

    Temperature 0 is greedy: the largest logit, and the lowest id among equals. Otherwise this is
    inverse transform sampling in the order of the ids: the first id whose cumulative weight exceeds
    the uniform times the sum of all weights. An id whose logit is minus infinity is never returned.
    """
    cumulative_BV = np.cumsum(sampling_weights(logits_BV, truncation), axis=1, dtype=np.float64)
    targets_B = uniforms_B * cumulative_BV[:, -1]
    return np.asarray(np.argmax(cumulative_BV > targets_B[:, None], axis=1), np.int64)


def clamp_temperature(temperature: float) -> np.float32:
    """Return the divisor of the logits: the temperature, within the range of float32."""
    limits = np.finfo(np.float32)
    return np.float32(min(max(temperature, float(limits.tiny)), float(limits.max)))


def surprisals(logits_BV: Floats, ids_B: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return -log(softmax(logits)) of one id of each sequence, in nats, (B,)."""
    best_B1 = logits_BV.max(axis=1, keepdims=True)
    total_B = np.cumsum(exp(logits_BV - best_B1), axis=1, dtype=np.float64)[:, -1]
    chosen_B = logits_BV[np.arange(len(ids_B)), ids_B] - best_B1[:, 0]
    return np.asarray(np.log(total_B) - chosen_B, np.float64)
