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
from charloom.training.distributed.launch import ALONE, Launch
from charloom.training.distributed.messages import GRACE, PATIENCE, Store, Words

Result = TypeVar("Result")


class Connection(Protocol):
    """The way of numbers between processes; raises RuntimeError when one of them has gone."""

    device: torch.device

    def sum(self, values: Tensor) -> None:
        """Replace ``values`` by their sum over all processes, the same bits in each."""
        ...

    def copy(self, values: Tensor) -> None:
        """Replace ``values`` by those of process 0."""
        ...

    def close(self) -> None:
        """Let go of the others."""
        ...


class Ranks:
    """The processes of one training as this one sees them; by default it is alone.

    A context manager: an error that leaves it ends the other processes too, each with a
    ProcessError.
    """

    def __init__(
        self,
        launch: Launch = ALONE,
        store: Store | None = None,
        make: Callable[[torch.device], Connection] | None = None,
    ) -> None:
        self.launch = launch
        self._words = None if store is None else Words(launch, store)
        self._make = make
        self._told = 0
        self._connection: Connection | None = None

    @property
    def first(self) -> bool:
        """Whether this is process 0, which alone writes."""
        return self.launch.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self._words is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()  # so that the others notice
        if self._words is None or error is None or isinstance(error, ProcessError):
            return
        text = str(error) if isinstance(error, CharloomError) else repr(error)
        said = None
        with contextlib.suppress(RuntimeError):
            self._words.end(text)
            self._words.part(GRACE)
            said = self._words.said_already(text)
        if said is not None:
            raise said from error

    def in_turn(self, read: Callable[[], Result]) -> Result:
        """Return what ``read`` gives; the first process of each host reads before the others.

        So what it puts into the cache is made once. There is no limit to how long that takes.
        """
        if self._words is None:
            return read()
        key = f"read/{self.launch.host}"
        if self.launch.local_rank:
            self._words.wait(key)
        result = read()
        if self.launch.local_rank == 0:
            self._words.leave(key, "")
        return result

    def told(self, text: str) -> str:
        """Return the ``text`` that process 0 gives; all ask for the same texts in turn."""
        if self._words is None:
            return text
        self._told += 1
        key = f"told/{self._told}"
        if self.first:
            self._words.leave(key, text)
        return self._words.wait(key)

    def sent(self, content: bytes) -> bytes:
        """Return the ``content`` that process 0 gives, of any size, over the connection."""
        if self._connection is None:
            return content
        size = int(self.add(float(len(content)) if self.first else 0.0, "at the start"))
        values = torch.zeros(size, dtype=torch.uint8)
        if self.first:
            values = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        values = values.to(self._connection.device)
        self._together(self._connection.copy, values, "at the start")
        return values.cpu().numpy().tobytes()

    def compare(self, facts: Mapping[str, object]) -> None:
        """Raise SettingsError, on every process, if ``facts`` are not the same on all of them."""
        if self._words is None:
            return
        own = {name: str(fact) for name, fact in facts.items()}
        self._words.leave(f"facts/{self.launch.rank}", json.dumps(own))
        if self.first:
            self._words.leave("verdict", self._difference(self._words, own))
        if verdict := self._words.wait("verdict"):
            raise SettingsError(verdict)

    def connect(self, device: torch.device) -> None:
        """Make the connection, when all processes know what they will learn on which device."""
        if self._make is not None:
            self._connection = self._make(device)

    def copy(self, tensors: Iterable[Tensor]) -> None:
        """Replace the tensors by those of process 0."""
        if self._connection is None:
            return
        with torch.no_grad():
            for tensor in tensors:
                self._together(self._connection.copy, tensor, "at the start")

    def add(self, value: float, where: str) -> float:
        """Return the sum of ``value`` over all processes; ``where`` is told if one has gone."""
        if self._connection is None:
            return value
        total = torch.tensor([value], dtype=torch.float64, device=self._connection.device)
        self._together(self._connection.sum, total, where)
        return float(total)

    def add_gradients(
        self, parameters: Sequence[Tensor], values: Sequence[float], where: str
    ) -> list[float]:
        """Sum the gradients of ``parameters`` over all processes, and ``values`` along with them.

        All go in one message of float32; a value goes as two numbers, so that one that a single
        process gives, the others giving 0, arrives with 48 bits. A parameter without a gradient in
        any process is left without.
        """
        if self._connection is None:
            return list(values)
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        coarse = torch.tensor(values, dtype=torch.float64)
        fine = coarse - coarse.float().double()
        known = torch.tensor([float(p.grad is not None) for p in parameters])
        small = torch.cat([coarse.float(), fine.float(), known])
        flat = torch.cat([*(g.flatten() for g in gradients), small.to(self._connection.device)])
        self._together(self._connection.sum, flat, where)
        *sums, small = flat.split([*(g.numel() for g in gradients), len(small)])
        numbers = small.tolist()
        count = len(values)
        for parameter, total, given in zip(parameters, sums, numbers[2 * count :], strict=True):
            parameter.grad = total.view_as(parameter) if given else None
        return [a + b for a, b in zip(numbers[:count], numbers[count : 2 * count], strict=True)]

    def merged(
        self, carried: Mapping[str, Tensor | None] | None
    ) -> dict[str, Tensor | None] | None:
        """Return the states of the streams of all processes in the order of the minibatch.

        ``carried`` are those of this process, by name: each (layers, streams, hidden units), or
        None. Returns None if there are none.
        """
        if carried is None or self._connection is None:
            return None if carried is None else dict(carried)
        whole: dict[str, Tensor | None] = {}
        for name, own_LBH in carried.items():
            whole[name] = None
            if own_LBH is not None:
                layers, streams, units = own_LBH.shape
                total = int(self.add(streams, "while saving"))
                all_LBH = own_LBH.new_zeros(layers, total, units)
                all_LBH[:, self.launch.rank :: self.launch.world] = own_LBH
                self._together(self._connection.sum, all_LBH, "while saving")
                whole[name] = all_LBH if total else None
        return whole if whole["hidden_LBH"] is not None else None

    def finish(self) -> None:
        """Wait until process 0 has come here too: then all is written, and all may end."""
        if self._words is None:
            return
        with contextlib.suppress(RuntimeError):
            self._words.end("")
            self._words.part(PATIENCE)

    def _together(self, exchange: Callable[[Tensor], None], values: Tensor, where: str) -> None:
        # The error is let go of first: it keeps the broken connection open, in which others wait.
        with contextlib.suppress(RuntimeError):
            exchange(values)
            return
        self._close()
        assert self._words is not None
        raise self._words.lost(where)

    def _difference(self, words: Words, own: Mapping[str, str]) -> str:
        """Return what differs between process 0 and another, as an error message; "" if nothing."""
        verdict = ""
        for rank in range(1, self.launch.world):
            other = json.loads(words.wait(f"facts/{rank}"))
            names = [name for name, fact in own.items() if other.get(name) != fact]
            if names and not verdict:
                verdict = (
                    f"the processes differ: {names[0]} is {own[names[0]]} in rank 0 and "
                    f"{other.get(names[0])} in rank {rank}; start all of them with the same "
                    "options, texts and versions."
                )
        return verdict

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(RuntimeError):
                connection.close()
