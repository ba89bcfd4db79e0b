"""Interpolated n-gram model with modified Kneser-Ney smoothing.

Sources: Chen & Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (Harvard
TR-10-98, 1998); for the counts at the start of a document, Heafield et al., "Scalable Modified
Kneser-Ney Language Model Estimation" (ACL 2013). For a symbol w after a context h, which is one
symbol followed by the shorter context h':

    p(w|h) = (a(hw) - D(a(hw))) / a(h) + p(w|h') (sum over v of D(a(hv))) / a(h)

where a(h) is the sum over v of a(hv), and D(0) = 0. Below the empty context is the uniform
distribution. A context extends back to the boundary before its document and no further: repeated
boundaries would add no information, and each would apply its discounts (2 % more bits at the level
of words).

Witten-Bell smoothing, which is simpler, needs more bits per character: 2.69 instead of 2.47 on
titles (see benchmarks/texts.py), 2.45 instead of 2.20 on plays, 2.94 instead of 2.83 on names.

N-grams are not stored as strings. An n-gram is a number: its rank among the pairs (number of the
first n - 1 symbols, last symbol), which fits into 63 bits for every n and vocabulary. The
probabilities of the test text are refined one length at a time, so memory does not grow with n.

Axes: N targets, G distinct n-grams of one length, C contexts of one length. Arrays without a letter
have one element for each target whose context does not extend beyond the boundary.
"""

import dataclasses
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.evaluation.targets import Targets
from charloom.text.vocabulary import EOS

ORDER = 6
"""Symbols of the longest n-grams."""

Ints = NDArray[np.integer[Any]]

_MISSING = -1
"""Number of an n-gram that is not in training or would extend beyond the boundary."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _NGrams:
    """The n-grams of one length in the training text."""

    keys_G: NDArray[np.int64]
    """Number of the context times the size of the vocabulary, plus the last symbol; sorted."""
    numbers_N: NDArray[np.int32]
    """Index in ``keys_G`` of the n-gram that ends at each target, or _MISSING."""


def surprisals(
    training: Targets, test: Targets, vocabulary_size: int, order: int = ORDER
) -> NDArray[np.float64]:
    """Return the nats of each target of ``test``, (N,), under a model of ``training``.

    ``training`` has at least one document. All ids are below ``vocabulary_size``.
    """
    probabilities_N = np.full(len(test.ids_N), 1 / vocabulary_size)
    contexts_N = np.zeros(len(test.ids_N), dtype=np.int32)
    pairs = pairwise(_ngrams_by_length(training, vocabulary_size, order))
    for length, (ngrams, longer) in enumerate(pairs, 1):
        has_context_N = contexts_N != _MISSING
        contexts = contexts_N[has_context_N]
        keys = _ngram_keys(contexts, test.ids_N[has_context_N], vocabulary_size)
        numbers = _lookup(ngrams.keys_G, keys)
        discounted, weight = _interpolation_terms(
            ngrams, longer, vocabulary_size, contexts, numbers
        )
        probabilities_N[has_context_N] = discounted + weight * probabilities_N[has_context_N]
        contexts_N = _next_contexts(test, _scatter(has_context_N, numbers), length)
    nats_N: NDArray[np.float64] = -np.log(probabilities_N)
    return nats_N


def _ngrams_by_length(training: Targets, vocabulary_size: int, order: int) -> Iterator[_NGrams]:
    """Yield the n-grams of 1 to ``order`` symbols, then an empty set of longer ones."""
    contexts_N = np.zeros(len(training.ids_N), dtype=np.int32)
    for length in range(1, order + 1):
        ngrams = _find_ngrams(training, contexts_N, vocabulary_size)
        yield ngrams
        contexts_N = _next_contexts(training, ngrams.numbers_N, length)
    yield _NGrams(keys_G=ngrams.keys_G[:0], numbers_N=np.full_like(ngrams.numbers_N, _MISSING))


def _find_ngrams(training: Targets, contexts_N: NDArray[np.int32], vocabulary_size: int) -> _NGrams:
    has_context_N = contexts_N != _MISSING
    keys = _ngram_keys(contexts_N[has_context_N], training.ids_N[has_context_N], vocabulary_size)
    # np.unique does the same with half as much memory again.
    order = np.argsort(keys)
    keys = keys[order]
    is_new = np.diff(keys, prepend=-1) > 0
    numbers = np.empty(len(keys), dtype=np.int32)
    numbers[order] = np.cumsum(is_new, dtype=np.int32) - 1
    return _NGrams(keys_G=keys[is_new], numbers_N=_scatter(has_context_N, numbers))


def _ngram_keys(contexts: Ints, ids: Ints, vocabulary_size: int) -> NDArray[np.int64]:
    return contexts.astype(np.int64) * vocabulary_size + ids


def _scatter(has_context_N: NDArray[np.bool_], numbers: Ints) -> NDArray[np.int32]:
    """Return ``numbers``, (N,), with _MISSING at the targets without a context."""
    numbers_N = np.full(len(has_context_N), _MISSING, dtype=np.int32)
    numbers_N[has_context_N] = numbers
    return numbers_N


def _next_contexts(
    targets: Targets, numbers_N: NDArray[np.int32], length: int
) -> NDArray[np.int32]:
    """Return the number of the ``length`` symbols before each target.

    They are the n-gram that ends at the previous target.
    """
    contexts_N = np.roll(numbers_N, 1)
    # A document follows a boundary, whose number among single symbols is its id.
    contexts_N[targets.starts_D] = EOS if length == 1 else _MISSING
    return contexts_N


def _lookup(keys_G: NDArray[np.int64], keys: NDArray[np.int64]) -> Ints:
    """Return the index of each key, or _MISSING."""
    indices = np.minimum(np.searchsorted(keys_G, keys), len(keys_G) - 1)
    return np.where(keys_G[indices] == keys, indices, _MISSING)


def _interpolation_terms(
    ngrams: _NGrams, longer: _NGrams, vocabulary_size: int, contexts: Ints, numbers: Ints
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two terms that refine the probability of each target.

    They are the discounted probability of its n-gram, and the weight of the probability after the
    shorter context.
    """
    counts_G = _adjusted_counts(ngrams, longer)
    discounts_G = kneser_ney_discounts(counts_G)[np.minimum(counts_G, 3)]
    contexts_G = ngrams.keys_G // vocabulary_size
    totals_C = np.bincount(contexts_G, weights=counts_G)
    freed_C = np.bincount(contexts_G, weights=discounts_G)
    discounted = np.where(numbers == _MISSING, 0.0, counts_G[numbers] - discounts_G[numbers])
    return discounted / totals_C[contexts], freed_C[contexts] / totals_C[contexts]


def _adjusted_counts(ngrams: _NGrams, longer: _NGrams) -> Ints:
    """Return the adjusted count of each n-gram, (G,).

    It is the number of distinct symbols that precede the n-gram. For the longest n-grams, and for
    those that start with the boundary, it is the number of occurrences. Source: Heafield et al.
    2013, section 3.2.
    """
    is_preceded_N = longer.numbers_N != _MISSING
    suffixes = np.empty(len(longer.keys_G), dtype=np.int32)
    suffixes[longer.numbers_N[is_preceded_N]] = ngrams.numbers_N[is_preceded_N]
    occurrences = ngrams.numbers_N[~is_preceded_N & (ngrams.numbers_N != _MISSING)]
    size = len(ngrams.keys_G)
    counts_G = np.bincount(suffixes, minlength=size)
    counts_G += np.bincount(occurrences, minlength=size)
    return counts_G.astype(np.int32)


def kneser_ney_discounts(counts_G: Ints) -> NDArray[np.float64]:
    """Return the discounts of the counts 0, 1, 2, and 3 or more: Chen & Goodman 1998.

    If they cannot be estimated from the counts, each is half its count, as in KenLM. That happens
    in small texts, and for single symbols if all are frequent. Discounts of positive counts must be
    positive, so that every context leaves probability to the shorter one.
    """
    n = np.bincount(np.minimum(counts_G, 5), minlength=5).astype(np.float64)
    if n[1:5].all():
        y = n[1] / (n[1] + 2 * n[2])
        discounts = [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
        if all(0 < discount <= i for i, discount in enumerate(discounts, 1)):
            return np.array([0.0, *discounts])
    return np.array([0.0, 0.5, 1.0, 1.5])
