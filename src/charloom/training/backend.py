"""The interface of a network in training: gradients, optimizer steps, state.

``cpu_backend`` computes on a CPU with NumPy and Numba, ``torch_backend`` on a GPU with torch. Both
take the same steps, up to rounding, and can restore each other's states.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.network.parameters import Floats, Tensors
from charloom.settings import NetworkSettings
from charloom.training.shard_states import GatheredStates
from charloom.training.threads import ThreadPool

States = list[Any]
"""Hidden states between two windows, as a backend keeps them: one for each shard; [] at the start
of documents."""


class Backend(Protocol):
    """A network in training on one device, in one process.

    Call ``forward_backward``, ``all_reduce_gradients``, ``gradient_norm`` and ``step`` in this
    order. Of several processes, each has the gradients of its sequences before
    ``all_reduce_gradients``, and all have the sums after it.
    """

    network: NetworkSettings
    threads: ThreadPool
    """The threads of this process; work on them within their context."""

    def forward_backward(
        self, batch: Batch, states: States, dropout: Dropout
    ) -> tuple[float, States]:
        """Compute gradients; return the loss in nats, summed over targets, and new states."""
        ...

    def forward(self, batch: Batch, states: States) -> tuple[float, States]:
        """Return the loss in nats and new states, in float32 and without dropout."""
        ...

    def all_reduce_gradients(self, reduce: Callable[[Any], None], numbers: Floats) -> Floats:
        """Sum gradients and ``numbers`` over all processes; return the latter sums.

        ``reduce`` replaces an array, or a tensor on the device, by its sum over all processes.
        """
        ...

    def gradient_norm(self) -> float:
        """Return the norm of the gradient of the mean loss of a target."""
        ...

    def step(self, learning_rate: float, gradient_scale: float) -> None:
        """Update the weights, and their average, with scaled gradients."""
        ...

    def average_swapped_in(self) -> contextlib.AbstractContextManager[None]:
        """Compute with the average of the weights, if there is one, within a context."""
        ...

    def tensors(self) -> Tensors:
        """Return a copy of the parameters by name."""
        ...

    def gather_states(self, states: States) -> GatheredStates | None:
        """Return the states of all shards as one; None if no process has any."""
        ...

    def scatter_states(self, whole: GatheredStates | None) -> States:
        """Return the states of this process' shards, from those of all sequences."""
        ...

    def device_bytes(self) -> int | None:
        """Return the memory in use on a GPU; None on a CPU."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, optimizer state and average."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``, also of another backend."""
        ...
