"""The symbols to predict in a text: those of documents, and their boundaries.

Axes: N targets, D documents.
"""

import dataclasses
from collections.abc import Iterable
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charloom.text.vocabulary import EOS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Targets:
    """The targets of documents in one array, each followed by its boundary.

    The boundary that ends a document is the one before the next document.
    """

    ids_N: NDArray[np.int32]
    starts_D: NDArray[np.int64]
    """Index of the first target of each document, which has at least one: its boundary."""

    @classmethod
    def from_documents(cls, documents: Iterable[NDArray[np.integer[Any]]]) -> Self:
        """Concatenate documents, given as the ids of their symbols without boundaries."""
        boundary = np.array([EOS], dtype=np.int32)
        parts = list(chain.from_iterable((ids.astype(np.int32), boundary) for ids in documents))
        ids_N = np.concatenate([boundary[:0], *parts])
        ends_D = np.flatnonzero(ids_N == EOS) + 1
        return cls(ids_N=ids_N, starts_D=np.concatenate([[0], ends_D[:-1]])[: len(ends_D)])
