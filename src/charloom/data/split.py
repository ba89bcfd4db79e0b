"""Select the validation documents: a function of their texts and the seed only.

All copies of a text are on one side, whatever their order in the source, so no validation document
is ever trained on. Memory grows by one byte per document, plus the ranks of the candidates.
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
"""Candidates that are ranked first, relative to the texts that may be needed."""
_RANKS = 1 << 64
"""Ranks are below this."""


def select_validation(
    hashes: NDArray[np.uint64],
    lengths: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    distinct: int,
    *,
    fraction: float,
    seed: int,
    limit: int,
) -> tuple[NDArray[np.bool_], bool]:
    """Return a mask of validation documents, and whether ``limit`` reduced it.

    Distinct texts are ranked by a mix of their hash and the seed. The first ``fraction`` of them
    (rounded up) is selected, as long as all their copies together have at most ``limit`` symbols.
    Texts longer than the limit are ranked last, the shortest first. At least one text is selected
    and at least one is not. ``hashes`` has one element per document, ``distinct`` is the number of
    different hashes, and ``lengths`` returns the symbols of the documents with the given indices.
    """
    wanted = min(math.ceil(fraction * distinct), distinct - 1)
    # A text has at least one symbol, so at most ``limit`` texts can be selected.
    bound = math.ceil(_RANKS * _OVERSAMPLING * (min(wanted, limit) + 100) / distinct)
    while True:
        documents, ranks = _rank_below(hashes, seed, bound)
        first, member = np.unique(ranks, return_inverse=True)
        sizes: NDArray[Any] = np.bincount(member, weights=lengths(documents), minlength=len(first))
        small = np.flatnonzero(sizes <= limit)
        within = int(np.searchsorted(np.cumsum(sizes[small[:wanted]]), limit, side="right"))
        # Higher ranks do not matter once the limit or the wanted number is reached.
        if bound >= _RANKS or within < len(small[:wanted]) or len(small) >= wanted:
            break
        bound *= 2
    selected = small[:within] if within else _shortest(small, sizes)
    is_selected = np.zeros(len(first), dtype=bool)
    is_selected[selected] = True
    mask = np.zeros(len(hashes), dtype=bool)
    mask[documents[is_selected[member]]] = True
    return mask, len(selected) < wanted


def select_last(
    offsets: NDArray[np.int64], *, fraction: float, limit: int
) -> tuple[NDArray[np.bool_], bool]:
    """Return a mask of the last documents, and whether ``limit`` reduced it.

    The last ``fraction`` of them (rounded up) is selected, as long as they have at most ``limit``
    symbols; at least one is selected and at least one is not. Their texts may also occur before.
    ``offsets`` has the start of each document and the end of the last.
    """
    count = len(offsets) - 1
    wanted = min(math.ceil(fraction * count), count - 1)
    first_within = int(np.searchsorted(offsets, offsets[-1] - limit))
    first = min(max(count - wanted, first_within), count - 1)
    mask = np.zeros(count, dtype=bool)
    mask[first:] = True
    return mask, first > count - wanted


def _shortest(small: NDArray[np.int64], sizes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the shortest text, for the case that all are longer than the limit."""
    assert not len(small), "a text within the limit would have been selected"
    return np.array([np.argmin(sizes)])


def _rank_below(
    hashes: NDArray[np.uint64], seed: int, bound: int
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the documents whose rank is below ``bound``, and their ranks."""
    salt = splitmix64(np.array([seed], dtype=np.uint64))
    highest = np.uint64(min(bound, _RANKS) - 1)
    documents, ranks = [], []
    for begin in range(0, len(hashes), _BLOCK_HASHES):
        rank = splitmix64(hashes[begin : begin + _BLOCK_HASHES] ^ salt)
        low = np.flatnonzero(rank <= highest)
        documents.append(begin + low)
        ranks.append(rank[low])
        release(hashes)
    return np.concatenate(documents), np.concatenate(ranks)
