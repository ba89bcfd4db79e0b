"""Training on a CPU: compiled passes, optimizer and average of the weights."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.network.freezing import FrozenRows
from charloom.network.parameters import KINDS, Floats, Kind, Parameters, Tensors
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.data_parallel import DataParallel, shard_count
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.memory import keep_freed_memory
from charloom.training.optim.averaging import WeightAverage
from charloom.training.optim.optimizer import build_optimizer
from charloom.training.shard_states import GatheredStates, gather_states, no_states, scatter_states
from charloom.training.threads import ThreadPool


class CpuBackend:
    """A network in training on a CPU; see ``backend.Backend``.

    ``weights`` are its initial parameters, which it updates, except for rows that are ``frozen``.
    """

    def __init__(
        self,
        network: NetworkSettings,
        weights: Parameters,
        settings: TrainingSettings,
        *,
        bf16: bool,
        threads: int,
        process: ProcessInfo = SINGLE_PROCESS,
        frozen: FrozenRows | None = None,
    ) -> None:
        keep_freed_memory()
        self.network = network
        self.threads = ThreadPool(shard_count(settings.batch_size, process.world_size, threads))
        self._process = process
        self._weights = weights
        self._parallel = DataParallel(
            network, weights, self.threads, bf16=bf16, process=process, frozen=frozen
        )
        self._optimizer = build_optimizer(
            weights, self._parallel.gradients, settings, self.threads, bf16=bf16, frozen=frozen
        )
        self._average = WeightAverage(weights, self.threads) if settings.average else None
        self._symbols = 1
        """Targets of the last minibatch."""
        self._kinds: tuple[Kind, ...] = KINDS
        """The kinds of parameters that have gradients: labels where documents start."""

    def forward_backward(
        self, batch: Batch, states: list[Any], dropout: Dropout
    ) -> tuple[float, list[Any]]:
        """Compute gradients; return the loss in nats, summed over targets, and new states."""
        self._symbols = batch.symbols
        self._kinds = KINDS if batch.starts else tuple(kind for kind in KINDS if kind != "label")
        return self._parallel.forward_backward(batch, states, dropout)

    def forward(self, batch: Batch, states: list[Any]) -> tuple[float, list[Any]]:
        """Return the loss in nats and new states, in float32 and without dropout."""
        return self._parallel.forward(batch, states)

    def all_reduce_gradients(self, reduce: Callable[[Any], None], numbers: Floats) -> Floats:
        """Sum gradients and ``numbers`` over all processes; return the latter sums."""
        gradients_P = self._parallel.gradients.flat_P
        both = np.concatenate([gradients_P, numbers])
        reduce(both)
        gradients_P[:] = both[: len(gradients_P)]
        return both[len(gradients_P) :]

    def gradient_norm(self) -> float:
        """Return the norm of the gradient of the mean loss of a target."""
        gradients_P = self._parallel.gradients.flat_P

        def squared_norm(span: slice) -> float:
            with np.errstate(all="ignore"):  # the trainer checks the norm
                return float(np.dot(gradients_P[span], gradients_P[span]))

        # Not in the executor's order but in that of the spans, so that the sum has the same bits.
        parts = self.threads.map(squared_norm, self.threads.spans(len(gradients_P)))
        return math.sqrt(sum(parts)) / self._symbols

    def step(self, learning_rate: float, gradient_scale: float) -> None:
        """Update the weights, and their average, with scaled gradients."""
        self._optimizer.step(learning_rate, gradient_scale / self._symbols, self._kinds)
        if self._average is not None:
            self._average.update()

    @contextlib.contextmanager
    def average_swapped_in(self) -> Iterator[None]:
        """Compute with the average of the weights, if there is one, within a context."""
        with contextlib.nullcontext() if self._average is None else self._average.swapped_in():
            yield

    def tensors(self) -> Tensors:
        """Return a copy of the parameters by name."""
        return self._weights.tensors()

    def gather_states(self, states: list[Any]) -> GatheredStates | None:
        """Return the states of all shards as one; None if no process has any."""
        if states:
            return gather_states(states, self.threads.count)
        return None if self._process.world_size == 1 else no_states(self.network)

    def scatter_states(self, whole: GatheredStates | None) -> list[Any]:
        """Return the states of this process' shards, from those of all sequences."""
        return [] if whole is None else scatter_states(whole, self.threads.count, self._process)

    def device_bytes(self) -> int | None:
        """Return None: there is no GPU."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, optimizer state and average."""
        state = {"weights": self.tensors(), "optimizer": self._optimizer.state_dict()}
        return state if self._average is None else {**state, "average": self._average.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``, also of another backend."""
        self._weights.load(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
