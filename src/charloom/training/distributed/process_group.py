"""The collective operations of several processes that train together.

Each process computes the gradient of its sequences of every minibatch. The sum over all processes
is the gradient of the minibatch, so all take the same step and keep equal weights. Arrays are
exchanged by collectives (see ``torch_collectives``), texts as messages in a store
(see ``messages``).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from charloom.errors import CharloomError, ProcessError, SettingsError
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.distributed.messages import TIMEOUT_SECONDS, Messages

Result = TypeVar("Result")

_STARTING: Final = "at the start"
_SAVING: Final = "while saving"


class Collectives(Protocol):
    """Operations that all processes call together, on arrays or tensors.

    Methods raise RuntimeError if a process has ended.
    """

    def all_reduce(self, values: Any) -> None:
        """Replace ``values`` by their sum over all processes, with the same bits in each."""
        ...

    def broadcast(self, values: Any) -> None:
        """Replace ``values`` by those of process 0."""
        ...

    def close(self) -> None:
        """Disconnect from the other processes."""
        ...


class HasGradients(Protocol):
    """A network whose gradients are summed over processes, such as a ``Backend``."""

    def all_reduce_gradients(
        self, reduce: Callable[[Any], None], numbers: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Sum gradients and ``numbers`` by ``reduce``; return the sums of the numbers."""
        ...


class ProcessGroup:
    """The processes of a training, as seen from one of them; by default a single one.

    Methods are called by all processes in the same order. Those that exchange something raise
    ProcessError if another process has ended. The arguments ``where`` are for its message.

    A context manager: an error that leaves the context ends the other processes with a
    ProcessError.
    """

    def __init__(
        self,
        process: ProcessInfo = SINGLE_PROCESS,
        messages: Messages | None = None,
        make_collectives: Callable[[str], Collectives] | None = None,
    ) -> None:
        self.process = process
        self._messages = messages
        self._make_collectives = make_collectives
        self._texts = 0
        self._collectives: Collectives | None = None

    @property
    def is_main(self) -> bool:
        """Whether this is process 0, which alone writes files."""
        return self.process.rank == 0

    @property
    def is_single(self) -> bool:
        """Whether there is no other process."""
        return self._messages is None

    def __enter__(self) -> Self:
        return self

    def broadcast_text(self, text: str) -> str:
        """Return the ``text`` of process 0."""
        if self._messages is None:
            return text
        self._texts += 1
        key = f"told/{self._texts}"
        if self.is_main:
            self._messages.set(key, text)
        return self._messages.wait_for(key)

    def local_main_first(self, read: Callable[[], Result]) -> Result:
        """Return the result of ``read``, which one process of each host calls first.

        So a cache file that ``read`` writes is written once. There is no time limit.
        """
        if self._messages is None:
            return read()
        key = f"read/{self.process.host}"
        if self.process.local_rank:
            self._messages.wait_for(key)
        result = read()
        if self.process.local_rank == 0:
            self._messages.set(key, "")
        return result

    def check_agreement(self, values: Mapping[str, object]) -> None:
        """Raise SettingsError, in every process, unless ``values`` are the same in all."""
        if self._messages is None:
            return
        own = {name: str(value) for name, value in values.items()}
        self._messages.set(f"facts/{self.process.rank}", json.dumps(own))
        if self.is_main:
            self._messages.set("verdict", self._find_difference(self._messages, own))
        if difference := self._messages.wait_for("verdict"):
            raise SettingsError(difference)

    def _find_difference(self, messages: Messages, own: Mapping[str, str]) -> str:
        """Return an error message if the values of another process differ, otherwise ""."""
        difference = ""
        for rank in range(1, self.process.world_size):
            other = json.loads(messages.wait_for(f"facts/{rank}"))
            names = [name for name, value in own.items() if other.get(name) != value]
            if names and not difference:
                difference = (
                    f"the processes differ: {names[0]} is {own[names[0]]} in rank 0 and "
                    f"{other.get(names[0])} in rank {rank}; start all of them with the same "
                    "options, texts and versions."
                )
        return difference

    def connect(self, device: str) -> None:
        """Connect the processes, which train on ``device``; needed by the methods below."""
        if self._make_collectives is not None:
            self._collectives = self._make_collectives(device)

    def broadcast(self, values: NDArray[Any]) -> None:
        """Replace the values of an array by those of process 0."""
        if self._collectives is not None:
            self._exchange(self._collectives.broadcast, values, _STARTING)

    def broadcast_bytes(self, content: bytes) -> bytes:
        """Return the ``content`` of process 0, of any size."""
        if self._collectives is None:
            return content
        size = int(self.all_reduce(float(len(content)) if self.is_main else 0.0, _STARTING))
        values = np.zeros(size, np.uint8)
        if self.is_main:
            values[:] = np.frombuffer(content, np.uint8)
        self.broadcast(values)
        return values.tobytes()

    def all_reduce(self, value: float, where: str) -> float:
        """Return the sum of ``value`` over all processes, in float64."""
        if self._collectives is None:
            return value
        total = np.array([value])
        self._exchange(self._collectives.all_reduce, total, where)
        return float(total[0])

    def all_reduce_gradients(
        self, network: HasGradients, values: Sequence[float], where: str
    ) -> list[float]:
        """Sum a network's gradients over all processes; return the sums of ``values``.

        Each value is sent as two float32 numbers with the gradients, so that a value that is 0 in
        all processes but one keeps 48 bits.
        """
        collectives = self._collectives
        if collectives is None:
            return list(values)
        exact = np.array(values)
        rounded = exact.astype(np.float32)
        numbers = np.concatenate([rounded, (exact - rounded).astype(np.float32)])
        sums = network.all_reduce_gradients(
            lambda array: self._exchange(collectives.all_reduce, array, where), numbers
        )
        halves = sums.astype(np.float64).reshape(2, -1)
        return [float(total) for total in halves.sum(axis=0)]

    def gather_states(
        self, states: Mapping[str, NDArray[np.float32] | None] | None
    ) -> dict[str, NDArray[np.float32] | None] | None:
        """Return the hidden states of all processes in the order of the minibatch.

        ``states`` are those of this process' sequences, by name: each (layers, sequences, hidden
        units), or None. Returns None if there are none in any process.
        """
        if states is None or self._collectives is None:
            return None if states is None else dict(states)
        whole: dict[str, NDArray[np.float32] | None] = {}
        for name, own_LBH in states.items():
            whole[name] = None
            if own_LBH is not None:
                layers, sequences, units = own_LBH.shape
                total = int(self.all_reduce(sequences, _SAVING))
                all_LBH = np.zeros((layers, total, units), np.float32)
                all_LBH[:, self.process.rank :: self.process.world_size] = own_LBH
                self._exchange(self._collectives.all_reduce, all_LBH, _SAVING)
                whole[name] = all_LBH if total else None
        return whole if whole["hidden_LBH"] is not None else None

    def finish(self) -> None:
        """Wait until process 0 has called this too, after it has written everything."""
        if self._messages is None:
            return
        with contextlib.suppress(RuntimeError):
            self._messages.set_end("")
            self._messages.wait_for_peers(TIMEOUT_SECONDS)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._close()  # the collectives of the other processes fail from now on
        if self._messages is None or error is None or isinstance(error, ProcessError):
            return
        text = str(error) if isinstance(error, CharloomError) else repr(error)
        same_error = None
        with contextlib.suppress(RuntimeError):
            self._messages.set_end(text)
            self._messages.wait_for_peers()
            same_error = self._messages.main_reported(text)
        if same_error is not None:
            raise same_error from error

    def _exchange(self, collective: Callable[[Any], None], values: Any, where: str) -> None:
        # The error is suppressed before ``_close``: its traceback would keep the broken connection
        # alive, on which other processes wait.
        with contextlib.suppress(RuntimeError):
            collective(values)
            return
        self._close()
        assert self._messages is not None
        raise self._messages.peer_error(where)

    def _close(self) -> None:
        collectives, self._collectives = self._collectives, None
        if collectives is not None:
            with contextlib.suppress(RuntimeError):
                collectives.close()
