"""Several processes that learn as one: what they tell each other, and how they end together.

Each process learns from its streams of every minibatch; the sum of the gradients is the gradient of
the whole, so the same step is taken everywhere and the weights stay equal. Numbers travel through
the connection, which placement.py makes; words travel through the store, where they can be
looked up after the connection broke (words.py).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

from charloom.errors import CharloomError, ProcessError, SettingsError
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.distributed.messages import GRACE_SECONDS, TIMEOUT_SECONDS, Messages, Store

Result = TypeVar("Result")


class Collectives(Protocol):
    """The way of numbers between processes; raises RuntimeError when one of them has gone."""

    device: torch.device

    def all_reduce(self, values: Tensor) -> None:
        """Replace ``values`` by their sum over all processes, the same bits in each."""
        ...

    def broadcast(self, values: Tensor) -> None:
        """Replace ``values`` by those of process 0."""
        ...

    def close(self) -> None:
        """Let go of the others."""
        ...


class ProcessGroup:
    """The processes of one training as this one sees them; by default it is alone.

    A context manager: an error that leaves it ends the other processes too, each with a
    ProcessError.
    """

    def __init__(
        self,
        process: ProcessInfo = SINGLE_PROCESS,
        store: Store | None = None,
        make: Callable[[torch.device], Collectives] | None = None,
    ) -> None:
        self.process = process
        self._messages = None if store is None else Messages(process, store)
        self._make = make
        self._told = 0
        self._collectives: Collectives | None = None

    @property
    def is_main(self) -> bool:
        """Whether this is process 0, which alone writes."""
        return self.process.rank == 0

    @property
    def is_single(self) -> bool:
        """Whether there is no other process."""
        return self._messages is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()  # so that the others notice
        if self._messages is None or error is None or isinstance(error, ProcessError):
            return
        text = str(error) if isinstance(error, CharloomError) else repr(error)
        said = None
        with contextlib.suppress(RuntimeError):
            self._messages.set_end(text)
            self._messages.wait_for_peers(GRACE_SECONDS)
            said = self._messages.main_reported(text)
        if said is not None:
            raise said from error

    def local_main_first(self, read: Callable[[], Result]) -> Result:
        """Return what ``read`` gives; the first process of each host reads before the others.

        So what it puts into the cache is made once. There is no limit to how long that takes.
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

    def broadcast_text(self, text: str) -> str:
        """Return the ``text`` that process 0 gives; all ask for the same texts in turn."""
        if self._messages is None:
            return text
        self._told += 1
        key = f"told/{self._told}"
        if self.is_main:
            self._messages.set(key, text)
        return self._messages.wait_for(key)

    def broadcast_bytes(self, content: bytes) -> bytes:
        """Return the ``content`` that process 0 gives, of any size, over the connection."""
        if self._collectives is None:
            return content
        size = int(self.all_reduce(float(len(content)) if self.is_main else 0.0, "at the start"))
        values = torch.zeros(size, dtype=torch.uint8)
        if self.is_main:
            values = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        values = values.to(self._collectives.device)
        self._together(self._collectives.broadcast, values, "at the start")
        return values.cpu().numpy().tobytes()

    def check_agreement(self, facts: Mapping[str, object]) -> None:
        """Raise SettingsError, on every process, if ``facts`` are not the same on all of them."""
        if self._messages is None:
            return
        own = {name: str(fact) for name, fact in facts.items()}
        self._messages.set(f"facts/{self.process.rank}", json.dumps(own))
        if self.is_main:
            self._messages.set("verdict", self._difference(self._messages, own))
        if verdict := self._messages.wait_for("verdict"):
            raise SettingsError(verdict)

    def connect(self, device: torch.device) -> None:
        """Make the connection, when all processes know what they will learn on which device."""
        if self._make is not None:
            self._collectives = self._make(device)

    def broadcast_(self, tensors: Iterable[Tensor]) -> None:
        """Replace the tensors by those of process 0."""
        if self._collectives is None:
            return
        with torch.no_grad():
            for tensor in tensors:
                self._together(self._collectives.broadcast, tensor, "at the start")

    def all_reduce(self, value: float, where: str) -> float:
        """Return the sum of ``value`` over all processes; ``where`` is told if one has gone."""
        if self._collectives is None:
            return value
        total = torch.tensor([value], dtype=torch.float64, device=self._collectives.device)
        self._together(self._collectives.all_reduce, total, where)
        return float(total)

    def all_reduce_gradients(
        self, parameters: Sequence[Tensor], values: Sequence[float], where: str
    ) -> list[float]:
        """Sum the gradients of ``parameters`` over all processes, and ``values`` along with them.

        All go in one message of float32; a value goes as two numbers, so that one that a single
        process gives, the others giving 0, arrives with 48 bits. A parameter without a gradient in
        any process is left without.
        """
        if self._collectives is None:
            return list(values)
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        coarse = torch.tensor(values, dtype=torch.float64)
        fine = coarse - coarse.float().double()
        known = torch.tensor([float(p.grad is not None) for p in parameters])
        small = torch.cat([coarse.float(), fine.float(), known])
        flat = torch.cat([*(g.flatten() for g in gradients), small.to(self._collectives.device)])
        self._together(self._collectives.all_reduce, flat, where)
        *sums, small = flat.split([*(g.numel() for g in gradients), len(small)])
        numbers = small.tolist()
        count = len(values)
        for parameter, total, given in zip(parameters, sums, numbers[2 * count :], strict=True):
            parameter.grad = total.view_as(parameter) if given else None
        return [a + b for a, b in zip(numbers[:count], numbers[count : 2 * count], strict=True)]

    def gather_states(
        self, carried: Mapping[str, Tensor | None] | None
    ) -> dict[str, Tensor | None] | None:
        """Return the states of the streams of all processes in the order of the minibatch.

        ``carried`` are those of this process, by name: each (layers, streams, hidden units), or
        None. Returns None if there are none.
        """
        if carried is None or self._collectives is None:
            return None if carried is None else dict(carried)
        whole: dict[str, Tensor | None] = {}
        for name, own_LBH in carried.items():
            whole[name] = None
            if own_LBH is not None:
                layers, streams, units = own_LBH.shape
                total = int(self.all_reduce(streams, "while saving"))
                all_LBH = own_LBH.new_zeros(layers, total, units)
                all_LBH[:, self.process.rank :: self.process.world_size] = own_LBH
                self._together(self._collectives.all_reduce, all_LBH, "while saving")
                whole[name] = all_LBH if total else None
        return whole if whole["hidden_LBH"] is not None else None

    def finish(self) -> None:
        """Wait until process 0 has come here too: then all is written, and all may end."""
        if self._messages is None:
            return
        with contextlib.suppress(RuntimeError):
            self._messages.set_end("")
            self._messages.wait_for_peers(TIMEOUT_SECONDS)

    def _together(self, exchange: Callable[[Tensor], None], values: Tensor, where: str) -> None:
        # The error is let go of first: it keeps the broken connection open, in which others wait.
        with contextlib.suppress(RuntimeError):
            exchange(values)
            return
        self._close()
        assert self._messages is not None
        raise self._messages.peer_error(where)

    def _difference(self, words: Messages, own: Mapping[str, str]) -> str:
        """Return what differs between process 0 and another, as an error message; "" if nothing."""
        verdict = ""
        for rank in range(1, self.process.world_size):
            other = json.loads(words.wait_for(f"facts/{rank}"))
            names = [name for name, fact in own.items() if other.get(name) != fact]
            if names and not verdict:
                verdict = (
                    f"the processes differ: {names[0]} is {own[names[0]]} in rank 0 and "
                    f"{other.get(names[0])} in rank {rank}; start all of them with the same "
                    "options, texts and versions."
                )
        return verdict

    def _close(self) -> None:
        connection, self._collectives = self._collectives, None
        if connection is not None:
            with contextlib.suppress(RuntimeError):
                connection.close()
