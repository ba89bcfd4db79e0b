"""Minibatches in parts, side by side, one thread each; gradients are summed at the end of a step.

A recurrent kernel on several threads lets them wait for each other at every symbol. Where another
program takes a core, the waiting takes many times as long as the work. Parts meet once a minibatch.

Axes: T steps, B streams of the minibatch; of P parts, part k has the streams k, k + P, k + 2 P ...
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from charloom.network.autograd.autograd_pass import AutogradPass
from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch
from charloom.network.backprop.compiled_pass import CompiledPass
from charloom.training.device import DeviceConfig, get_rng_state, set_rng_state
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.memory import keep_freed_memory
from charloom.training.threads import ThreadPool

MIN_SHARD_SEQUENCES = 4
"""Streams of a part: products of fewer rows take about as long."""

_STRIDE: Final = 1_000_003
"""Between the seeds of two steps: no run has so many parts."""
MAX_SHARDS: Final = 1 << 16
"""Distance between the seeds of two processes: no process has as many parts."""

States = list[State]


class DataParallel:
    """Reads minibatches of about ``batch_size`` streams with a network.

    Within the context of ``threads`` each thread computes for one part alone. The number of parts
    follows from torch's number of threads, and figures depend on it within the rounding of sums;
    dropout draws from a generator of its own in each part. Of R processes, process r reads the
    streams r, r + R, r + 2 R ..., and what is said of a batch here holds for those.
    """

    def __init__(
        self,
        network: Network,
        device_config: DeviceConfig,
        *,
        batch_size: int,
        seed: int,
        process: ProcessInfo = SINGLE_PROCESS,
    ) -> None:
        self._network = network
        self._placement = device_config
        on_cpu = device_config.device.type == "cpu"
        self._reader = CompiledPass(network) if on_cpu else AutogradPass(network)
        if on_cpu:
            keep_freed_memory()
        self._all_threads = torch.get_num_threads()
        most = self._all_threads if on_cpu else 1
        streams = batch_size // process.world_size
        self._count = max(1, min(most, streams // MIN_SHARD_SEQUENCES))
        self.threads = ThreadPool(self._count, max(1, self._all_threads // self._count))
        """One for each part."""
        self._launch = process
        self._chances = [
            torch.Generator(device_config.device).manual_seed(seed + k) for k in range(self._count)
        ]
        self._seed = seed

    def forward_backward(self, batch: Batch, states: States) -> tuple[float, States]:
        """Set the gradients of the mean over a batch's symbols; return its nats and the states.

        ``states`` are those that the batch before returned, [] for none.
        """
        done = self._read(batch, states, learns=True)
        for name, parameter in self._network.named_parameters():
            # Labels have none where no text begins, nor has a process without streams any.
            known = [part.gradients[name] for part in done if name in part.gradients]
            total = functools.reduce(torch.add, known) if known else None
            parameter.grad = None if total is None else total.div_(batch.symbols)
        return sum(part.nats for part in done), [part.state for part in done]

    def forward(self, batch: Batch, states: States) -> tuple[float, States]:
        """Return the nats of a batch and the states after it, without learning from it."""
        done = self._read(batch, states, learns=False)
        return sum(part.nats for part in done), [part.state for part in done]

    @property
    def bf16(self) -> bool:
        """Whether our own products, on the CPU, are of bfloat16 while training."""
        return self._placement.bf16 and self._placement.device.type == "cpu"

    @property
    def total_threads(self) -> int:
        """The threads of all parts together."""
        return self._all_threads

    def state_dict(self) -> dict[str, Any]:
        """Return the random states, those of torch and of each part, for a checkpoint."""
        return {
            "torch": get_rng_state(self._placement.device),
            "chances": [chance.get_state() for chance in self._chances],
        }

    def load_state_dict(self, state: Mapping[str, Any], step: int) -> None:
        """Take up the random states that ``state`` returned after ``step`` steps.

        Where there are other parts now, each draws from a beginning that follows from the step.
        """
        set_rng_state(self._placement.device, state["torch"])
        same = len(state["chances"]) == self._count
        for k, chance in enumerate(self._chances):
            if same and state["chances"][k].shape == chance.get_state().shape:
                chance.set_state(state["chances"][k])
            else:
                chance.manual_seed((self._seed + _STRIDE * step + k) % 2**63)

    def begin_step(self, step: int) -> None:
        """Get ready to learn from a minibatch after ``step`` steps.

        Of several processes, the random numbers of each follow from the step alone: a checkpoint
        need not collect what each of them stands at.
        """
        if self._launch.world_size > 1:
            first = self._seed + self._launch.rank * MAX_SHARDS + _STRIDE * step
            for k, chance in enumerate(self._chances):
                chance.manual_seed((first + k) % 2**63)

    def gather_states(self, states: States) -> dict[str, Tensor | None] | None:
        """Return the states of all parts as one, its streams in the order of the minibatch."""
        if not states:
            return self._nothing()
        streams = sum(state.hidden_LBH.shape[1] for state in states)
        whole = {}
        for name in ("hidden_LBH", "cell_LBH"):
            pieces = [getattr(state, name) for state in states]
            if pieces[0] is not None:
                whole[name] = pieces[0].new_empty(pieces[0].shape[0], streams, pieces[0].shape[2])
                for part, piece in enumerate(pieces):
                    whole[name][:, part :: self._count] = piece
        return {"hidden_LBH": None, "cell_LBH": None} | whole

    def scatter_states(self, whole: Mapping[str, Tensor | None] | None) -> States:
        """Return the states of the parts that there are now, from what ``merged`` returned."""
        if whole is None or (hidden_LBH := whole["hidden_LBH"]) is None:
            return []
        cell_LBH, device = whole["cell_LBH"], self._placement.device
        own = slice(self._launch.rank, None, self._launch.world_size)
        hidden_LBH = hidden_LBH[:, own]
        cell_LBH = None if cell_LBH is None else cell_LBH[:, own]
        return [
            State(
                hidden_LBH[:, part :: self._count].contiguous().to(device),
                None
                if cell_LBH is None
                else cell_LBH[:, part :: self._count].contiguous().to(device),
            )
            for part in range(min(self._count, hidden_LBH.shape[1]))
        ]

    def _nothing(self) -> dict[str, Tensor | None] | None:
        """Return the states of no streams, which others may have; None where there are none."""
        if self._launch.world_size == 1:
            return None
        shape = self._network.settings
        none_L0H = torch.zeros(shape.layers, 0, shape.hidden, device=self._placement.device)
        return {"hidden_LBH": none_L0H, "cell_LBH": none_L0H if shape.cell == "lstm" else None}

    def _read(self, batch: Batch, states: States, *, learns: bool) -> list[_Done]:
        """Read all parts of this process' streams, each on a thread of its own."""
        batch = batch.shard(self._launch.rank, self._launch.world_size)
        own = self._count > 1 or self._launch.world_size > 1
        bf16 = learns and self._placement.bf16

        def read(part: int) -> _Done:
            piece = batch.shard(part, self._count).to(self._placement.device)
            state = initial_state(self._network, piece, states[part] if states else None)
            chance = self._chances[part] if own else None
            reading = self._reader.forward(piece, state, chance, bf16=bf16)
            gradients = reading.backward() if learns else {}
            return _Done(nats=reading.nats, state=reading.state, gradients=gradients)

        return self.threads.map(read, range(min(self._count, len(batch.labels_B))))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Done:
    """What one part came to."""

    nats: float
    state: State
    gradients: Mapping[str, Tensor]


def initial_state(network: Network, batch: Batch, state: State | None) -> State:
    """Return the state with which ``batch`` begins: from its labels, or carried on."""
    if batch.starts or state is None:
        return network.initial_state(batch.labels_B)
    return state.first_sequences(len(batch.labels_B))
