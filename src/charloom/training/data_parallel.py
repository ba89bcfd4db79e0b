"""Forward and backward passes over shards of a minibatch on several threads.

Threads synchronize once per minibatch. A recurrent kernel that uses several threads synchronizes at
every time step, which takes many times as long whenever another program occupies a core.

Axes: L layers, B sequences, H hidden units.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from charloom.network.autograd.autograd_pass import AutogradPass
from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch
from charloom.network.backprop.compiled_pass import CompiledPass
from charloom.training.device import DeviceConfig
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.dropout_generators import ShardGenerators
from charloom.training.memory import keep_freed_memory
from charloom.training.shard_states import GatheredStates, States, gather_states, scatter_states
from charloom.training.threads import ThreadPool

MIN_SHARD_SEQUENCES: Final = 4
"""Matrix products of fewer rows take about as long."""


class DataParallel:
    """Runs a minibatch as one shard per thread and sums the gradients.

    Of R processes, process r runs the sequences r, r + R, r + 2 R ... of each minibatch. Of its P
    shards, shard k runs every P-th of these from number k. Results depend on P only through the
    rounding of sums. Each shard draws dropout from its own generator, so a run is reproducible for
    a given number of threads.

    Call ``forward_backward`` and ``forward`` within the context of ``threads``; outside of it the
    caller's thread runs all shards.
    """

    def __init__(
        self,
        network: Network,
        device_config: DeviceConfig,
        *,
        batch_size: int,
        seed: int,
        process: ProcessInfo = SINGLE_PROCESS,
        total_threads: int | None = None,
    ) -> None:
        self._network = network
        self._device_config = device_config
        self._process = process
        self._total_threads = total_threads or torch.get_num_threads()
        on_cpu = device_config.device.type == "cpu"
        self._pass = CompiledPass(network) if on_cpu else AutogradPass(network)
        if on_cpu:
            keep_freed_memory()
        max_shards = self._total_threads if on_cpu else 1
        sequences = batch_size // process.world_size
        self._shards = max(1, min(max_shards, sequences // MIN_SHARD_SEQUENCES))
        self.threads = ThreadPool(self._shards, max(1, self._total_threads // self._shards))
        """One for each shard."""
        self.generators = ShardGenerators(
            self._shards, device=device_config.device, seed=seed, process=process
        )

    @property
    def bf16(self) -> bool:
        """Whether the optimizer should use products of bfloat16; only on a CPU."""
        return self._device_config.bf16 and self._device_config.device.type == "cpu"

    @property
    def total_threads(self) -> int:
        """Threads of all shards together, those that torch uses within a shard included."""
        return self._total_threads

    def forward_backward(self, batch: Batch, states: States) -> tuple[float, States]:
        """Set ``.grad`` to the mean loss gradient; return the summed loss and new states.

        The loss is in nats. ``states`` are those returned for the previous window, or [] at the
        start of documents. Of several processes, each gets its contribution to the gradient and to
        the sum.
        """
        results = self._run_shards(batch, states, backward=True)
        for name, parameter in self._network.named_parameters():
            # Label states have gradients only where documents start. A process without sequences
            # has none at all.
            grads = [result.gradients[name] for result in results if name in result.gradients]
            total = functools.reduce(torch.add, grads) if grads else None
            parameter.grad = None if total is None else total.div_(batch.symbols)
        return sum(result.nats for result in results), [result.state for result in results]

    def forward(self, batch: Batch, states: States) -> tuple[float, States]:
        """Return the summed loss in nats and new states, without gradients, in float32."""
        results = self._run_shards(batch, states, backward=False)
        return sum(result.nats for result in results), [result.state for result in results]

    def _run_shards(self, batch: Batch, states: States, *, backward: bool) -> list[_ShardResult]:
        batch = batch.shard(self._process.rank, self._process.world_size)

        def run(index: int) -> _ShardResult:
            shard = batch.shard(index, self._shards).to(self._device_config.device)
            result = self._pass.forward(
                shard,
                initial_state(self._network, shard, states[index] if states else None),
                self.generators.generator(index),
                bf16=backward and self._device_config.bf16,
            )
            gradients = result.backward() if backward else {}
            return _ShardResult(nats=result.nats, state=result.state, gradients=gradients)

        return self.threads.map(run, range(min(self._shards, len(batch.labels_B))))

    def gather_states(self, states: States) -> GatheredStates | None:
        """Return the states of this process' shards as one; None if no process has any."""
        if states:
            return gather_states(states, self._shards)
        if self._process.world_size == 1:
            return None
        settings = self._network.settings
        empty_L0H = torch.zeros(
            settings.layers, 0, settings.hidden, device=self._device_config.device
        )
        return {"hidden_LBH": empty_L0H, "cell_LBH": empty_L0H if settings.cell == "lstm" else None}

    def scatter_states(self, whole: GatheredStates | None) -> States:
        """Return the states of this process' shards, from those of all sequences."""
        if whole is None:
            return []
        device = self._device_config.device
        return scatter_states(whole, self._shards, process=self._process, device=device)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ShardResult:
    nats: float
    state: State
    gradients: Mapping[str, Tensor]


def initial_state(network: Network, shard: Batch, state: State | None) -> State:
    """Return the state before a shard: a new one, or that of the remaining sequences."""
    if shard.starts or state is None:
        return network.initial_state(shard.labels_B)
    return state.first_sequences(len(shard.labels_B))
