"""A network that reads documents to their ends, on all cores at once: the nats of each symbol.

Axes: N targets of all documents, D documents, K states to begin with, L layers, H hidden units, G
gates times H, V symbols.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.generation.engine import prepare
from charloom.generation.reference import first_state
from charloom.settings import NetworkSettings
from charloom.text.vocabulary import EOS

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

ROWS = 32
"""Documents that a thread reads side by side: more do not go faster."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Carried:
    """Where a document was left that goes on."""

    last: int
    """The symbol that the network has not read yet."""
    states_2LH: Floats
    """Hidden and cell state."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What was found of the targets."""

    nats_N: Floats
    best_N: NDArray[np.bool_]
    """Whether the target was the most probable symbol."""
    carried: Carried | None
    """Where the last document was left, if it goes on."""


class Reader:
    """Reads any number of documents with the network of a model folder."""

    def __init__(self, settings: NetworkSettings, tensors: Mapping[str, Floats]) -> None:
        """Make the weights ready; the compiled code takes about a second to load, once."""
        from charloom.arithmetic.layers import CELLS
        from charloom.arithmetic.tiles import pack

        weights = prepare(settings, tensors)
        gru = settings.cell == "gru"
        self._network = (
            CELLS[settings.cell],
            _ordered(weights.table_VG, gru),
            _stack([pack(_ordered(input_HG, gru)) for input_HG in weights.input_LHG]),
            _ordered(weights.bias_LG, gru),
            _stack([pack(recurrent_HG) for recurrent_HG in weights.recurrent_LHG]),
            pack(weights.output_HV),
            weights.recurrent_bias_LH,
            weights.output_bias_V,
        )
        labels = len(tensors.get("labels.hidden", ()))
        every = np.array([*range(labels), -1])
        first = first_state(settings, tensors, every, np.dtype(np.float32))
        cell = np.zeros_like(first.hidden) if first.cell is None else first.cell
        self._starts_2KLH = np.stack([first.hidden, cell]).transpose(0, 2, 1, 3)
        """The states to begin with: of each label, and last of none."""

    def read(
        self,
        targets_N: Ids,
        ends_D: Ids,
        labels_D: Ids,
        begun: Carried | None = None,
        *,
        unfinished: bool = False,
    ) -> Found:
        """Return how surprising each target is.

        Document d has the targets before ``ends_D[d]``, at least one. The first document goes on
        where ``begun`` was left; of an ``unfinished`` last one more is to come. Labels are ids, -1
        for none.
        """
        begins_D = np.concatenate([[0], ends_D[:-1]])
        firsts_D = np.full(len(ends_D), EOS)
        starts_2KLH = self._starts_2KLH
        starts_D = np.where(labels_D < 0, starts_2KLH.shape[1] - 1, labels_D)
        if begun is not None:
            starts_D[0], firsts_D[0] = starts_2KLH.shape[1], begun.last
            starts_2KLH = np.concatenate([starts_2KLH, begun.states_2LH[:, None]], axis=1)
        documents = (begins_D, ends_D, firsts_D, starts_D)
        nats_N, best_N = np.empty(len(targets_N), np.float32), np.empty(len(targets_N), np.bool_)
        last_2LH = np.zeros_like(starts_2KLH[:, 0])
        # One after another they make shares of about equal size.
        share_D = (ends_D - 1) * _cores() // max(len(targets_N), 1)

        def run(share: int) -> None:
            chosen = np.flatnonzero(share_D == share)
            # The longest first: at the end few wait for one.
            chosen = chosen[np.argsort(begins_D[chosen] - ends_D[chosen], kind="stable")]
            self._run(
                (targets_N, *(array_D[chosen] for array_D in documents)),
                tuple(np.ascontiguousarray(starts_2KLH)),
                (nats_N, best_N),
                last_2LH,
                int(np.argmax(chosen)) if unfinished and chosen.max() == len(ends_D) - 1 else -1,
            )

        _side_by_side(run, np.unique(share_D).tolist())
        carried = Carried(last=int(targets_N[-1]), states_2LH=last_2LH) if unfinished else None
        return Found(nats_N=nats_N, best_N=best_N, carried=carried)

    def _run(
        self,
        documents: tuple[Any, ...],
        starts: tuple[Any, ...],
        found: tuple[Any, ...],
        last_2LH: Floats,
        unfinished: int,
    ) -> None:
        from charloom.arithmetic.tiles import ROWS as TILE
        from charloom.evaluation.kernels import read

        rows = min(ROWS, -(-len(documents[1]) // TILE) * TILE)
        read(self._network, documents, starts, rows, found, last_2LH, unfinished)


def _ordered(matrix: Floats, gru: bool) -> Floats:
    """Return a matrix whose columns are gates in the order of their slots."""
    if not gru:
        return np.ascontiguousarray(matrix)
    hidden = matrix.shape[-1] // 3
    return np.concatenate([matrix[..., 2 * hidden :], matrix[..., : 2 * hidden]], axis=-1)


def _stack(packed: list[NDArray[np.float32]]) -> Floats:
    return np.stack(packed) if packed else np.empty((0, 0, 0, 0), np.float32)


def _cores() -> int:
    return os.cpu_count() or 1


def _side_by_side(function: Callable[[int], None], shares: list[int]) -> None:
    if len(shares) == 1:
        function(shares[0])
        return
    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(function, shares))
