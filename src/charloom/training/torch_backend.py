"""Training on a GPU by torch: autograd, torch's optimizers and tensors.

The tests run it on a CPU too, where it takes the same steps as ``cpu_backend``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from charloom.network.autograd.autograd_pass import AutogradPass, PassResult
from charloom.network.autograd.loss import TensorBatch
from charloom.network.autograd.module import Network, State
from charloom.network.batch import Batch
from charloom.network.dropout import NO_DROPOUT, Dropout
from charloom.network.freezing import FrozenRows, trained_names
from charloom.network.parameters import Floats, Parameters, Tensors
from charloom.network.reference import State as NumpyState
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.device import DeviceConfig
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.shard_states import GatheredStates, gather_states, no_states, scatter_states
from charloom.training.threads import ThreadPool
from charloom.training.torch_optimizer import TorchOptimizer, TorchWeightAverage, to_numpy


class TorchBackend:
    """A network in training on a device of torch; see ``backend.Backend``."""

    def __init__(
        self,
        network: NetworkSettings,
        weights: Parameters,
        settings: TrainingSettings,
        device: DeviceConfig,
        process: ProcessInfo = SINGLE_PROCESS,
        frozen: FrozenRows | None = None,
    ) -> None:
        self.network = network
        self.threads = ThreadPool(1)
        self._device = torch.device(device.device)
        self._bf16 = device.bf16
        self._process = process
        shapes = weights.shapes
        labels = shapes["labels.hidden"][0] if "labels.hidden" in shapes else 0
        self._module = Network(network, shapes["output.bias"][0], labels).to(self._device)
        self._module.load(weights.arrays)
        self._parameters = dict(self._module.named_parameters())
        self._pass = AutogradPass(self._module)
        self._frozen = frozen or {}
        trained = trained_names(shapes, self._frozen)
        for name, parameter in self._parameters.items():
            parameter.requires_grad_(name in trained)
        self._optimizer = TorchOptimizer(self._parameters, settings, self._frozen)
        self._average = TorchWeightAverage(self._parameters) if settings.average else None
        self._symbols = 1
        """Targets of the last minibatch."""

    def forward_backward(
        self, batch: Batch, states: list[Any], dropout: Dropout
    ) -> tuple[float, list[Any]]:
        """Compute gradients; return the loss in nats, summed over targets, and new states."""
        self._symbols = batch.symbols
        self._module.zero_grad(set_to_none=True)
        result = self._forward(batch, states, dropout, bf16=self._bf16, training=True)
        if result is None:
            return 0.0, []
        result.backward()
        self._clear_frozen_rows()
        return result.nats, [result.state]

    def _clear_frozen_rows(self) -> None:
        """Set the gradients of frozen rows to zero; frozen parameters have none."""
        for name, rows in self._frozen.items():
            if (gradient := self._parameters[name].grad) is not None:
                gradient[:rows] = 0

    def forward(self, batch: Batch, states: list[Any]) -> tuple[float, list[Any]]:
        """Return the loss in nats and new states, in float32 and without dropout."""
        result = self._forward(batch, states, NO_DROPOUT, bf16=False, training=False)
        return (0.0, []) if result is None else (result.nats, [result.state])

    def _forward(
        self, batch: Batch, states: list[Any], dropout: Dropout, *, bf16: bool, training: bool
    ) -> PassResult | None:
        """Return the loss of this process' sequences; None if it has none."""
        batch = batch.shard(self._process.rank, self._process.world_size)
        if not len(batch.labels_B):
            return None
        tensors = TensorBatch.from_batch(batch, self._device)
        if batch.starts or not states:
            with torch.set_grad_enabled(training):
                state = self._module.initial_state(tensors.labels_B)
        else:
            state = states[0].first_sequences(len(batch.labels_B))
        return self._pass.forward(tensors, state, dropout, bf16=bf16, training=training)

    @torch.no_grad()
    def all_reduce_gradients(self, reduce: Callable[[Any], None], numbers: Floats) -> Floats:
        """Sum gradients and ``numbers`` over all processes; return the latter sums."""
        parameters = [p for p in self._parameters.values() if p.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        present = np.array([p.grad is not None for p in parameters], np.float32)
        small = torch.from_numpy(np.concatenate([present, numbers])).to(self._device)
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), small])
        reduce(flat)
        *sums, last = flat.split([*(g.numel() for g in gradients), len(small)])
        totals = to_numpy(last)
        for parameter, total, count in zip(parameters, sums, totals, strict=False):
            parameter.grad = total.view_as(parameter) if count else None
        return totals[len(parameters) :]

    def gradient_norm(self) -> float:
        """Return the norm of the gradient of the mean loss of a target."""
        gradients = [p.grad for p in self._parameters.values() if p.grad is not None]
        if not gradients:
            return 0.0
        norms = torch.stack(torch._foreach_norm(gradients))
        return float(torch.linalg.vector_norm(norms)) / self._symbols

    def step(self, learning_rate: float, gradient_scale: float) -> None:
        """Update the weights, and their average, with scaled gradients."""
        self._optimizer.step(learning_rate, gradient_scale / self._symbols)
        if self._average is not None:
            self._average.update()

    @contextlib.contextmanager
    def average_swapped_in(self) -> Iterator[None]:
        """Compute with the average of the weights, if there is one, within a context."""
        with contextlib.nullcontext() if self._average is None else self._average.swapped_in():
            yield

    def tensors(self) -> Tensors:
        """Return a copy of the parameters by name."""
        return self._module.tensors()

    def gather_states(self, states: list[Any]) -> GatheredStates | None:
        """Return the states of this process' sequences; None if no process has any."""
        if not states:
            return None if self._process.world_size == 1 else no_states(self.network)
        [state] = states
        cell = None if state.cell_LBH is None else to_numpy(state.cell_LBH)
        return gather_states([NumpyState(hidden=to_numpy(state.hidden_LBH), cell=cell)], shards=1)

    def scatter_states(self, whole: GatheredStates | None) -> list[Any]:
        """Return the state of this process' sequences, from those of all sequences."""
        states = [] if whole is None else scatter_states(whole, 1, self._process)
        return [
            State(
                torch.tensor(state.hidden, device=self._device),
                None if state.cell is None else torch.tensor(state.cell, device=self._device),
            )
            for state in states
        ]

    def device_bytes(self) -> int | None:
        """Return the memory that torch has reserved on a GPU; None on a CPU."""
        if self._device.type == "cuda":
            return torch.cuda.memory_reserved(self._device)
        if self._device.type == "mps":
            return torch.mps.driver_allocated_memory()
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, optimizer state and average."""
        state = {"weights": self.tensors(), "optimizer": self._optimizer.state_dict()}
        return state if self._average is None else {**state, "average": self._average.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``, also of another backend."""
        self._module.load(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
