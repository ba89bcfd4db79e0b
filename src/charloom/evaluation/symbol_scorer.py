"""Negative log-likelihood of every symbol of many documents, on several threads.

Axes: N targets of all documents, D documents, R documents of a batch, K initial states, L layers,
H hidden units. The axis of length 2 is hidden and cell state.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from charloom.evaluation.scorer_arguments import NO_LOGITS, BatchRows, TargetScores
from charloom.network.engine import prepare_weights
from charloom.network.reference import initial_state
from charloom.settings import NetworkSettings
from charloom.text.vocabulary import EOS

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

BATCH_SIZE = 32
"""Documents of a batch. Larger batches are not faster."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamState:
    """State of an unfinished document, which continues in the next call."""

    last_id: int
    """The last symbol, which the network has not read yet."""
    states_2LH: Floats
    others: "tuple[StreamState, ...]" = ()
    """States of the other networks of a mixture."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surprisals:
    """Scores of all targets of a call."""

    nats_N: Floats
    """Negative log-likelihood of each target."""
    correct_N: NDArray[np.bool_]
    """Whether the target was the most probable symbol; of ties, the lowest id counts."""
    state: StreamState | None
    """State of the last document if it is unfinished, otherwise None."""
    logits_NV: Floats = dataclasses.field(default_factory=lambda: NO_LOGITS)
    """The logits before each target; N is 0 if they are not kept."""


class SymbolScorer:
    """Scores symbols with the network of a model folder."""

    def __init__(
        self,
        settings: NetworkSettings,
        tensors: Mapping[str, Floats],
        *,
        threads: int | None = None,
    ) -> None:
        """Prepare the weights. ``threads`` is the number of processors unless it is given.

        The first scorer of a process loads the compiled code, which takes about a second.
        """
        from charloom.evaluation.batch_scorer import BatchScorer

        self._batch_scorer = BatchScorer(settings.cell, prepare_weights(settings, tensors))
        self._symbols = len(tensors["output.bias"])
        self._threads = threads or os.cpu_count() or 1
        label_ids = np.array([*range(len(tensors.get("labels.hidden", ()))), -1])
        initial = initial_state(settings, tensors, label_ids, np.dtype(np.float32))
        cell_LKH = np.zeros_like(initial.hidden) if initial.cell is None else initial.cell
        self._initial_2KLH = np.stack([initial.hidden, cell_LKH]).transpose(0, 2, 1, 3)
        """Initial states: one for each label, then the one for documents without a label."""

    def surprisals(
        self,
        targets_N: Ids,
        ends_D: Ids,
        labels_D: Ids,
        state: StreamState | None = None,
        *,
        unfinished: bool = False,
        keep_logits: bool = False,
    ) -> Surprisals:
        """Score every target; results do not depend on the number of threads.

        Args:
            targets_N: Symbols of all documents, one document after another.
            ends_D: Index after the last target of each document, which has at least one target.
            labels_D: Label ids, -1 for none.
            state: State of the previous call if the first document continues from there.
            unfinished: Whether the last document continues in the next call.
            keep_logits: Whether to return the logits, which take N times V floats.
        """
        lengths_D = np.diff(ends_D, prepend=0)
        starts_D = ends_D - lengths_D
        initial_2KLH = self._initial_2KLH
        state_D = np.where(labels_D < 0, initial_2KLH.shape[1] - 1, labels_D)
        inputs_D = np.full(len(ends_D), EOS)
        if state is not None:
            state_D[0], inputs_D[0] = initial_2KLH.shape[1], state.last_id
            initial_2KLH = np.concatenate([initial_2KLH, state.states_2LH[:, None]], axis=1)
        scores = TargetScores(
            nats_N=np.empty(len(targets_N), np.float32),
            correct_N=np.empty(len(targets_N), np.bool_),
            logits_NV=np.empty((len(targets_N) * keep_logits, self._symbols), np.float32),
        )
        # Consecutive documents, cut into shards with about equally many targets.
        shard_D = (ends_D - 1) * self._threads // max(len(targets_N), 1)
        last_states_2LH: list[Floats] = []

        def score_shard(shard: int) -> None:
            documents = np.flatnonzero(shard_D == shard)
            # Documents of similar lengths share a batch, so that few rows end early.
            documents = documents[np.argsort(-lengths_D[documents], kind="stable")]
            for first in range(0, len(documents), BATCH_SIZE):
                batch_R = documents[first : first + BATCH_SIZE]
                final_2LRH = self._batch_scorer.score(
                    targets_N,
                    BatchRows(starts_D[batch_R], lengths_D[batch_R], inputs_D[batch_R]),
                    initial_2KLH[:, state_D[batch_R]].transpose(0, 2, 1, 3),
                    scores,
                )
                if unfinished and len(ends_D) - 1 in batch_R:
                    last_states_2LH.append(final_2LRH[:, :, int(np.argmax(batch_R))])

        _run_shards(score_shard, np.unique(shard_D).tolist())
        next_state = None
        if unfinished:
            next_state = StreamState(last_id=int(targets_N[-1]), states_2LH=last_states_2LH[0])
        return Surprisals(**scores._asdict(), state=next_state)


def _run_shards(function: Callable[[int], None], shards: list[int]) -> None:
    if len(shards) == 1:
        function(shards[0])
        return
    with ThreadPoolExecutor(len(shards)) as pool:
        list(pool.map(function, shards))
