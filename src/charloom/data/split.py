"""Which documents are for validation: a function of their text and the seed alone.

Copies of one text stand on one side, whatever their order in the source, so that no validation
document is ever learned from. Memory holds a byte for each document, and those that are likely
enough to be chosen.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.data.memory_map import release
from charloom.randomness import splitmix64

_BLOCK_HASHES = 1 << 20
_OVERSAMPLING = 1.1
"""So many times as many texts as may be needed are looked at first."""
_RANKS = 1 << 64


def select_validation(
    hashes: NDArray[np.uint64],
    lengths: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    distinct: int,
    *,
    fraction: float,
    seed: int,
    limit: int,
) -> tuple[NDArray[np.bool_], bool]:
    """Return which documents are for validation, and whether ``limit`` made them fewer.

    Of the distinct texts, ranked by a mix of hash and seed, the first ``fraction`` of them (rounded
    up) are taken as long as all their copies have at most ``limit`` symbols together, but at least
    one is taken and at least one is left. Those that pass the limit alone stand behind all others,
    the shortest first. ``distinct`` is the number of distinct texts, ``lengths`` gives the symbols
    of the documents with the numbers that it gets. Axes: documents.
    """
    asked = min(math.ceil(fraction * distinct), distinct - 1)
    # A text has at least one symbol, so no more than that can be taken.
    bound = math.ceil(_RANKS * _OVERSAMPLING * (min(asked, limit) + 100) / distinct)
    while True:
        documents, ranks = _rank_below(hashes, seed, bound)
        first, member = np.unique(ranks, return_inverse=True)
        sizes: NDArray[Any] = np.bincount(member, weights=lengths(documents), minlength=len(first))
        small = np.flatnonzero(sizes <= limit)
        within = int(np.searchsorted(np.cumsum(sizes[small[:asked]]), limit, side="right"))
        # Those of higher rank do not matter once the limit or what was asked for is reached.
        if bound >= _RANKS or within < len(small[:asked]) or len(small) >= asked:
            break
        bound *= 2
    chosen = small[:within] if within else _shortest(small, sizes)
    is_taken = np.zeros(len(first), dtype=bool)
    is_taken[chosen] = True
    taken = np.zeros(len(hashes), dtype=bool)
    taken[documents[is_taken[member]]] = True
    return taken, len(chosen) < asked


def _shortest(small: NDArray[np.int64], sizes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the text to take where none fits into the limit: all were looked at."""
    assert not len(small), "a text within the limit fits by itself"
    return np.array([np.argmin(sizes)])


def _rank_below(
    hashes: NDArray[np.uint64], seed: int, bound: int
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the documents whose rank is below ``bound``, and their ranks."""
    salt = splitmix64(np.array([seed], dtype=np.uint64))
    highest = np.uint64(min(bound, _RANKS) - 1)
    found, ranks = [], []
    for begin in range(0, len(hashes), _BLOCK_HASHES):
        rank = splitmix64(hashes[begin : begin + _BLOCK_HASHES] ^ salt)
        low = np.flatnonzero(rank <= highest)
        found.append(begin + low)
        ranks.append(rank[low])
        release(hashes)
    return np.concatenate(found), np.concatenate(ranks)
