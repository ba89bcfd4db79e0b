"""Forward and backward passes over shards of a minibatch on several threads.

Threads synchronize once per minibatch. A recurrent kernel that uses several threads synchronizes at
every time step, which takes many times as long whenever another program occupies a core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from charloom.network.backprop.compiled_pass import CompiledPass, PassResult
from charloom.network.batch import Batch
from charloom.network.dropout import NO_DROPOUT, Dropout
from charloom.network.freezing import FrozenRows, trained_names
from charloom.network.parameters import Parameters
from charloom.network.reference import State, initial_state
from charloom.settings import NetworkSettings
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.threads import ThreadPool

MIN_SHARD_SEQUENCES: Final = 4
"""Matrix products of fewer rows take about as long."""


def shard_count(batch_size: int, processes: int, threads: int) -> int:
    """Return the number of shards: one for each thread, if they are large enough."""
    return max(1, min(threads, batch_size // processes // MIN_SHARD_SEQUENCES))


class DataParallel:
    """Runs a minibatch as one shard per thread and sums the gradients.

    Of R processes, process r runs the sequences r, r + R, r + 2 R ... of each minibatch. Of its P
    shards, shard k runs every P-th of these from number k. Results depend on P only through the
    rounding of sums.

    Call ``forward_backward`` and ``forward`` within the context of ``threads``, of which there is
    one for each shard; outside of it the caller's thread runs all shards.
    """

    def __init__(
        self,
        network: NetworkSettings,
        weights: Parameters,
        threads: ThreadPool,
        *,
        bf16: bool,
        process: ProcessInfo = SINGLE_PROCESS,
        frozen: FrozenRows | None = None,
    ) -> None:
        self._network = network
        self._weights = weights
        self._bf16 = bf16
        self._process = process
        self._threads = threads
        self._pass = CompiledPass(network, weights.arrays)
        self._gradients = [Parameters(weights.shapes) for _ in range(threads.count)]
        self._frozen = frozen or {}
        self._trained = trained_names(weights.shapes, self._frozen)

    @property
    def gradients(self) -> Parameters:
        """The gradient of the summed loss, after ``forward_backward``.

        It is zero in frozen rows.
        """
        return self._gradients[0]

    def forward_backward(
        self, batch: Batch, states: Sequence[State], dropout: Dropout
    ) -> tuple[float, list[State]]:
        """Compute gradients; return the loss in nats, summed over targets, and new states.

        ``states`` are those returned for the previous window, or [] at the start of documents.
        """
        batch, shards = self._own_shards(batch)

        def run(index: int) -> tuple[float, State]:
            result = self._forward(batch, index, states, dropout, bf16=self._bf16)
            arrays = self._gradients[index].arrays
            result.backward({name: arrays[name] for name in self._trained})
            return result.nats, result.state

        results = self._threads.map(run, range(shards))
        if shards == 0:
            self.gradients.flat_P[:] = 0
        self._sum_gradients(shards)
        for name in self._frozen.keys() & self._trained:
            self.gradients.arrays[name][: self._frozen[name]] = 0
        return sum(nats for nats, _ in results), [state for _, state in results]

    def forward(self, batch: Batch, states: Sequence[State]) -> tuple[float, list[State]]:
        """Return the loss in nats and new states, in float32 and without dropout."""
        batch, shards = self._own_shards(batch)

        def run(index: int) -> tuple[float, State]:
            result = self._forward(batch, index, states, NO_DROPOUT, bf16=False)
            return result.nats, result.state

        results = self._threads.map(run, range(shards))
        return sum(nats for nats, _ in results), [state for _, state in results]

    def _own_shards(self, batch: Batch) -> tuple[Batch, int]:
        """Return the sequences of this process, and the number of shards that have any."""
        batch = batch.shard(self._process.rank, self._process.world_size)
        return batch, min(self._threads.count, len(batch.labels_B))

    def _forward(
        self, batch: Batch, index: int, states: Sequence[State], dropout: Dropout, *, bf16: bool
    ) -> PassResult:
        shard = batch.shard(index, self._threads.count)
        if shard.starts or not states:
            labels = {name: a for name, a in self._weights.arrays.items() if "labels." in name}
            state = initial_state(self._network, labels, shard.labels_B, np.dtype(np.float32))
        else:
            state = states[index].select(slice(len(shard.labels_B)))
        return self._pass.forward(shard, state, dropout, bf16=bf16)

    def _sum_gradients(self, shards: int) -> None:
        """Add the gradients of all shards to those of the first."""
        total_P = self.gradients.flat_P

        def add_span(span: slice) -> None:
            for other in self._gradients[1:shards]:
                total_P[span] += other.flat_P[span]

        if shards > 1:
            self._threads.map(add_span, self._threads.spans(len(total_P)))
