"""A network that reads documents to their ends, on all cores at once: the nats of each symbol.

Axes: N targets of all documents, D documents, K states to begin with, L layers, H hidden units, G
gates times H, V symbols.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from charloom.network.engine import prepare_weights
from charloom.network.reference import initial_state
from charloom.settings import NetworkSettings
from charloom.text.vocabulary import EOS

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

BATCH_SIZE = 32
"""Documents that a thread reads side by side: more do not go faster."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamState:
    """Where a document was left that goes on."""

    last_id: int
    """The symbol that the network has not read yet."""
    states_2LH: Floats
    """Hidden and cell state."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surprisals:
    """What was found of the targets."""

    nats_N: Floats
    correct_N: NDArray[np.bool_]
    """Whether the target was the most probable symbol."""
    state: StreamState | None
    """Where the last document was left, if it goes on."""


class SymbolScorer:
    """Reads any number of documents with the network of a model folder."""

    def __init__(self, settings: NetworkSettings, tensors: Mapping[str, Floats]) -> None:
        """Make the weights ready; the compiled code takes about a second to load, once."""
        from charloom.network.kernels.forward import CELL_IDS
        from charloom.network.kernels.gemm_fp32 import pack

        weights = prepare_weights(settings, tensors)
        self._cell = settings.cell
        gru = settings.cell == "gru"
        self._weights = (
            CELL_IDS[settings.cell],
            _reorder_gates(weights.table_VG, gru),
            _stack([pack(_reorder_gates(input_HG, gru)) for input_HG in weights.input_LHG]),
            _reorder_gates(weights.bias_LG, gru),
            _stack([pack(recurrent_HG) for recurrent_HG in weights.recurrent_LHG]),
            pack(weights.output_HV),
            weights.recurrent_bias_LH,
            weights.output_bias_V,
        )
        labels = len(tensors.get("labels.hidden", ()))
        every = np.array([*range(labels), -1])
        first = initial_state(settings, tensors, every, np.dtype(np.float32))
        cell = np.zeros_like(first.hidden) if first.cell is None else first.cell
        self._initial_states_2KLH = np.stack([first.hidden, cell]).transpose(0, 2, 1, 3)
        """The states to begin with: of each label, and last of none."""

    def surprisals(
        self,
        targets_N: Ids,
        ends_D: Ids,
        labels_D: Ids,
        state: StreamState | None = None,
        *,
        unfinished: bool = False,
    ) -> Surprisals:
        """Return how surprising each target is.

        Document d has the targets before ``ends_D[d]``, at least one. The first document goes on
        where ``begun`` was left; of an ``unfinished`` last one more is to come. Labels are ids, -1
        for none.
        """
        lengths_D = np.diff(ends_D, prepend=0)
        starts_2KLH = self._initial_states_2KLH
        start_D = np.where(labels_D < 0, starts_2KLH.shape[1] - 1, labels_D)
        inputs_D = np.full(len(ends_D), EOS)
        if state is not None:
            start_D[0], inputs_D[0] = starts_2KLH.shape[1], state.last_id
            starts_2KLH = np.concatenate([starts_2KLH, state.states_2LH[:, None]], axis=1)
        found = np.empty(len(targets_N), np.float32), np.empty(len(targets_N), np.bool_)
        # One after another they make shares of about equal size.
        share_D = (ends_D - 1) * _cores() // max(len(targets_N), 1)
        last: list[Floats] = []

        def run(share: int) -> None:
            own = np.flatnonzero(share_D == share)
            # Those of like length side by side, the longest first.
            own = own[np.argsort(-lengths_D[own], kind="stable")]
            for first in range(0, len(own), BATCH_SIZE):
                batch_R = own[first : first + BATCH_SIZE]
                states_2RLH = starts_2KLH[:, start_D[batch_R]]
                places_R = (ends_D - lengths_D)[batch_R]
                after_2LRH = self._score_batch(
                    targets_N, places_R, lengths_D[batch_R], inputs_D[batch_R], states_2RLH, found
                )
                if unfinished and len(ends_D) - 1 in batch_R:
                    last.append(after_2LRH[:, :, int(np.argmax(batch_R))])

        _run_shards(run, np.unique(share_D).tolist())
        carried = (
            StreamState(last_id=int(targets_N[-1]), states_2LH=last[0]) if unfinished else None
        )
        return Surprisals(nats_N=found[0], correct_N=found[1], state=carried)

    def _score_batch(
        self,
        targets_N: Ids,
        place_R: Ids,
        left_R: Ids,
        input_R: Ids,
        states_2RLH: Floats,
        found: tuple[Floats, NDArray[np.bool_]],
    ) -> Floats:
        """Read some documents side by side, the longest first; return their last states, (2LRH).

        Whenever half of them have ended, the others go on in fewer rows.
        """
        from charloom.evaluation.symbol_scorer_kernel import score_symbols
        from charloom.network.kernels.forward import ACTIVATION_COUNTS
        from charloom.network.kernels.gemm_fp32 import TILE_ROWS as TILE
        from charloom.network.kernels.gemm_fp32 import empty_padded

        after_2LRH = np.ascontiguousarray(states_2RLH.transpose(0, 2, 1, 3))
        _, layers, rows, hidden = after_2LRH.shape
        while rows:
            steps = int(left_R[rows // 2 if rows > TILE else 0])
            whole = -(-rows // TILE) * TILE
            states = np.zeros((2, layers, 2, whole, hidden), np.float32)
            states[:, :, 0, :rows] = after_2LRH[:, :, :rows]
            slots_1RS = empty_padded(1, whole, ACTIVATION_COUNTS[self._cell] * hidden)
            slots_1RS[:] = 0
            place_R, left_R, input_R = (
                np.resize(values[:rows], whole) * (np.arange(whole) < rows)
                for values in (place_R, left_R, input_R)
            )
            score_symbols(
                self._weights,
                targets_N,
                place_R,
                left_R,
                input_R,
                tuple(states),
                (slots_1RS, empty_padded(whole, len(self._weights[-1]))),
                found,
                steps,
            )
            after_2LRH[:, :, :rows] = states[:, :, 0, :rows]
            place_R, left_R = place_R + steps, left_R - steps
            rows = int(np.count_nonzero(left_R > 0))
        return after_2LRH


def _reorder_gates(matrix: Floats, gru: bool) -> Floats:
    """Return a matrix whose columns are gates in the order of their slots."""
    if not gru:
        return np.ascontiguousarray(matrix)
    hidden = matrix.shape[-1] // 3
    return np.concatenate([matrix[..., 2 * hidden :], matrix[..., : 2 * hidden]], axis=-1)


def _stack(packed: list[NDArray[np.float32]]) -> Floats:
    return np.stack(packed) if packed else np.empty((0, 0, 0, 0), np.float32)


def _cores() -> int:
    return os.cpu_count() or 1


def _run_shards(function: Callable[[int], None], shares: list[int]) -> None:
    if len(shares) == 1:
        function(shares[0])
        return
    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(function, shares))
