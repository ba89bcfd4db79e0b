"""Which documents are for validation: a function of their text and the seed alone.

Copies of one text stand on one side, whatever their order in the source, so that no validation
document is ever learned from.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits for each value, different ones for different values.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def choose(
    hashes: NDArray[np.uint64],
    lengths: NDArray[np.int64],
    fraction: float,
    seed: int,
    limit: int,
) -> tuple[NDArray[np.bool_], bool]:
    """Return which documents are for validation, and whether ``limit`` made them fewer.

    Of the distinct texts, ranked by a mix of hash and seed, the first ``fraction`` of them (rounded
    up) are taken as long as all their copies have at most ``limit`` symbols together, but at least
    one is taken and at least one is left. Those that pass the limit alone stand behind all others,
    the shortest first. Axes: documents.
    """
    distinct, member = np.unique(hashes, return_inverse=True)
    sizes: NDArray[Any] = np.bincount(member, weights=lengths)
    order = np.argsort(splitmix64(distinct ^ splitmix64(np.array([seed], dtype=np.uint64))))
    # A stable sort: texts within the limit stay in their order.
    order = order[np.argsort(np.maximum(sizes[order], limit), kind="stable")]
    asked = min(math.ceil(fraction * len(distinct)), len(distinct) - 1)
    within = int(np.searchsorted(np.cumsum(sizes[order[:asked]]), limit, side="right"))
    taken = np.zeros(len(distinct), dtype=bool)
    taken[order[: max(within, 1)]] = True
    return taken[member], max(within, 1) < asked
