"""The n-gram model at its best known: interpolated, with modified Kneser-Ney smoothing.

Chen & Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (Harvard
TR-10-98, 1998), and, for the counts at the beginning of a document, Heafield et al., "Scalable
Modified Kneser-Ney Language Model Estimation" (ACL 2013). For a symbol w after a context h, which
is one symbol and then the context h':

    p(w|h) = (a(hw) - D(a(hw))) / a(h) + p(w|h') (sum over v of D(a(hv))) / a(h)

with a(h) the sum over v of a(hv), and D(0) = 0. The empty context leans on a uniform choice. A
context reaches back to the boundary before its document and no further: more boundaries in front
would tell nothing, and each would take its discounts (2 % at the level of words).

Witten-Bell smoothing, the simpler choice, needs 2.69 bits per character where this needs 2.47
(titles; see benchmarks/texts.py), 2.45 where this needs 2.20 (plays), 2.94 and 2.83 (names).

N-grams are never written out. Those of n symbols are numbered in the order of the pair (number of
the first n - 1, last symbol), which fits into 63 bits whatever n and the vocabulary are. No model
is kept either: the chances of the test text are refined by one length after the other, so that
memory does not grow with n.

Axes: N targets, G different n-grams of one length, C contexts of one length.
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
"""The number of an n-gram that training lacks, or that would reach beyond the boundary."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _NGrams:
    """The n-grams of one length that end at the targets of the training text."""

    keys_G: NDArray[np.int64]
    """Context times the size of the vocabulary, plus the last symbol; sorted."""
    numbers_N: NDArray[np.int32]
    """The index in ``keys_G`` of the n-gram that ends at each target, or _NONE."""


def surprisals(
    training: Targets, test: Targets, vocabulary_size: int, order: int = ORDER
) -> NDArray[np.float64]:
    """Return the nats of each target of ``test``, (N,), to a model of ``training``.

    ``training`` holds one document at least, and all ids are below ``vocabulary_size``.
    """
    chances_N = np.full(len(test.ids_N), 1 / vocabulary_size)
    contexts_N = np.zeros(len(test.ids_N), dtype=np.int32)
    lengths = pairwise(_ngrams_by_length(training, vocabulary_size, order))
    for length, (grams, longer) in enumerate(lengths, 1):
        inside_N = contexts_N != _MISSING
        contexts = contexts_N[inside_N]
        wanted = _ngram_keys(contexts, test.ids_N[inside_N], vocabulary_size)
        numbers = _lookup(grams.keys_G, wanted)
        own, rest = _interpolation_terms(grams, longer, vocabulary_size, contexts, numbers)
        chances_N[inside_N] = own + rest * chances_N[inside_N]
        contexts_N = _next_contexts(test, _scatter(inside_N, numbers), length)
    nats_N: NDArray[np.float64] = -np.log(chances_N)
    return nats_N


def _ngrams_by_length(training: Targets, vocabulary_size: int, order: int) -> Iterator[_NGrams]:
    """Yield the n-grams of 1 to ``order`` symbols, and then none: the longest have no longer."""
    contexts_N = np.zeros(len(training.ids_N), dtype=np.int32)
    for length in range(1, order + 1):
        grams = _find_ngrams(training, contexts_N, vocabulary_size)
        yield grams
        contexts_N = _next_contexts(training, grams.numbers_N, length)
    yield _NGrams(keys_G=grams.keys_G[:0], numbers_N=np.full_like(grams.numbers_N, _MISSING))


def _find_ngrams(training: Targets, contexts_N: NDArray[np.int32], vocabulary_size: int) -> _NGrams:
    inside_N = contexts_N != _MISSING
    keys = _ngram_keys(contexts_N[inside_N], training.ids_N[inside_N], vocabulary_size)
    # As np.unique would, in two thirds of its memory.
    order = np.argsort(keys)
    keys = keys[order]
    is_new = np.diff(keys, prepend=-1) > 0
    numbers = np.empty(len(keys), dtype=np.int32)
    numbers[order] = np.cumsum(is_new, dtype=np.int32) - 1
    return _NGrams(keys_G=keys[is_new], numbers_N=_scatter(inside_N, numbers))


def _ngram_keys(contexts: Ints, ids: Ints, vocabulary_size: int) -> NDArray[np.int64]:
    return contexts.astype(np.int64) * vocabulary_size + ids


def _scatter(inside_N: NDArray[np.bool_], numbers: Ints) -> NDArray[np.int32]:
    """Return the numbers of those targets that are ``inside``, _NONE for the others."""
    numbers_N = np.full(len(inside_N), _MISSING, dtype=np.int32)
    numbers_N[inside_N] = numbers
    return numbers_N


def _next_contexts(
    targets: Targets, numbers_N: NDArray[np.int32], length: int
) -> NDArray[np.int32]:
    """Return the context of ``length`` symbols before each target: the n-gram that ended there."""
    contexts_N = np.roll(numbers_N, 1)
    # Before a document stands the boundary, whose number among single symbols is its id.
    contexts_N[targets.starts_D] = EOS if length == 1 else _MISSING
    return contexts_N


def _lookup(keys_G: NDArray[np.int64], wanted: NDArray[np.int64]) -> Ints:
    """Return the place of each wanted key, _NONE if it is not there."""
    places = np.minimum(np.searchsorted(keys_G, wanted), len(keys_G) - 1)
    return np.where(keys_G[places] == wanted, places, _MISSING)


def _interpolation_terms(
    grams: _NGrams, longer: _NGrams, vocabulary_size: int, contexts: Ints, numbers: Ints
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what n-grams have of their contexts' chances, and what these leave to the shorter."""
    counts_G = _adjusted_counts(grams, longer)
    discounts_G = kneser_ney_discounts(counts_G)[np.minimum(counts_G, 3)]
    owners_G = grams.keys_G // vocabulary_size
    totals_C = np.bincount(owners_G, weights=counts_G)
    freed_C = np.bincount(owners_G, weights=discounts_G)
    own = np.where(numbers == _MISSING, 0.0, counts_G[numbers] - discounts_G[numbers])
    return own / totals_C[contexts], freed_C[contexts] / totals_C[contexts]


def _adjusted_counts(grams: _NGrams, longer: _NGrams) -> Ints:
    """Return the adjusted count of each n-gram, (G,): Heafield et al. 2013, section 3.2.

    That is how many different symbols stand before it; of the longest, and of those that begin with
    the boundary, which nothing precedes, it is how often they occur.
    """
    preceded_N = longer.numbers_N != _MISSING
    suffixes = np.empty(len(longer.keys_G), dtype=np.int32)
    suffixes[longer.numbers_N[preceded_N]] = grams.numbers_N[preceded_N]
    others = grams.numbers_N[~preceded_N & (grams.numbers_N != _MISSING)]
    size = len(grams.keys_G)
    counts_G = np.bincount(suffixes, minlength=size)
    counts_G += np.bincount(others, minlength=size)
    return counts_G.astype(np.int32)


def kneser_ney_discounts(counts_G: Ints) -> NDArray[np.float64]:
    """Return what is taken from a count of 0, 1, 2, and of 3 and above: Chen & Goodman 1998.

    Where the counts are too few, or too large, to tell (every letter is frequent), it is half the
    count, as in KenLM: every context must leave something to the shorter one.
    """
    n = np.bincount(np.minimum(counts_G, 5), minlength=5).astype(np.float64)
    if n[1:5].all():
        y = n[1] / (n[1] + 2 * n[2])
        taken = [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
        if all(0 < discount <= i for i, discount in enumerate(taken, 1)):
            return np.array([0.0, *taken])
    return np.array([0.0, 0.5, 1.0, 1.5])
