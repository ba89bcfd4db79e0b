"""Several processes that learn as one: what they tell each other, and how they end together.

Each process learns from its streams of every minibatch; the sum of the gradients is the gradient of
the whole, so the same step is taken everywhere and the weights stay equal. Numbers travel through
the connection, which placement.py makes; words travel through the store, where they can be
looked up after the connection broke.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

from charloom.errors import CharloomError, ProcessError, SettingsError
from charloom.launch import ALONE, Launch

GRACE = 5.0
"""Seconds in which processes that lost the connection tell that they are still there."""
PATIENCE = 300.0
"""Seconds without a sign of another process after which it counts as gone."""

Result = TypeVar("Result")


class Store(Protocol):
    """Words by their keys, seen by every process; raises RuntimeError when it cannot be reached."""

    def set(self, key: str, value: str) -> object:
        """Put a word in."""
        ...

    def get(self, key: str) -> bytes:
        """Return a word that is there."""
        ...

    def check(self, keys: list[str]) -> bool:
        """Return whether all these words are there."""
        ...


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
        self._store = store
        self._make = make
        self._connection: Connection | None = None

    @property
    def first(self) -> bool:
        """Whether this is process 0, which alone writes."""
        return self.launch.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self._store is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._store is not None and error is not None and not isinstance(error, ProcessError):
            self._close()  # so that the others notice
            text = str(error) if isinstance(error, CharloomError) else repr(error)
            with contextlib.suppress(RuntimeError):
                self._leave(text)
                self._raise_if_told(text)
        self._close()

    def in_turn(self, read: Callable[[], Result]) -> Result:
        """Return what ``read`` gives; the first process of each host reads before the others.

        So what it puts into the cache is made once. There is no limit to how long that takes.
        """
        if self._store is None:
            return read()
        key = f"read/{self.launch.host}"
        if self.launch.local_rank:
            self._wait(key)
        result = read()
        if self.launch.local_rank == 0:
            self._store.set(key, "")
        return result

    def told(self, text: str) -> str:
        """Return the ``text`` that process 0 gives, once in a training."""
        if self._store is None:
            return text
        if self.first:
            self._store.set("told", text)
        return self._wait("told")

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
        if self._store is None:
            return
        own = {name: str(fact) for name, fact in facts.items()}
        self._store.set(f"facts/{self.launch.rank}", json.dumps(own))
        if self.first:
            self._store.set("verdict", self._difference(own))
        if verdict := self._wait("verdict"):
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
        if self._store is None:
            return
        with contextlib.suppress(RuntimeError):
            self._leave("")
            if self.first:  # the store may live in this process
                self._until([_end(rank) for rank in range(self.launch.world)], GRACE)
            else:
                self._until([_end(0)], PATIENCE)

    def _together(self, exchange: Callable[[Tensor], None], values: Tensor, where: str) -> None:
        # The error is let go of first: it keeps the broken connection open, in which others wait.
        with contextlib.suppress(RuntimeError):
            exchange(values)
            return
        raise self._lost(where)

    def _difference(self, own: Mapping[str, str]) -> str:
        """Return what differs between process 0 and another, as an error message; "" if nothing."""
        verdict = ""
        for rank in range(1, self.launch.world):
            other = json.loads(self._wait(f"facts/{rank}"))
            names = [name for name, fact in own.items() if other.get(name) != fact]
            if names and not verdict:
                verdict = (
                    f"the processes differ: {names[0]} is {own[names[0]]} in rank 0 and "
                    f"{other.get(names[0])} in rank {rank}; start all of them with the same "
                    "options, texts and versions."
                )
        return verdict

    def _wait(self, key: str) -> str:
        """Return a word when it is there; raises ProcessError if a process fails meanwhile."""
        assert self._store is not None
        try:
            for pause in _pauses():
                if self._store.check([key]):
                    return self._store.get(key).decode()
                if self._store.check(["failed"]):
                    break
                time.sleep(pause)
        except RuntimeError as error:
            raise self._lost("at the start") from error
        raise self._lost("at the start")

    def _until(self, keys: list[str], seconds: float) -> bool:
        """Wait for words, ``seconds`` at most; return whether they are there."""
        assert self._store is not None
        end = time.monotonic() + seconds
        for pause in _pauses():
            there = self._store.check(keys)
            if there or time.monotonic() > end:
                return there
            time.sleep(pause)
        raise AssertionError("pauses have no end")

    def _leave(self, error: str) -> None:
        """Tell that this process ends, and why."""
        assert self._store is not None
        word = json.dumps({"host": self.launch.host, "error": error})
        self._store.set(_end(self.launch.rank), word)
        if error:
            self._store.set("failed", "")

    def _raise_if_told(self, text: str) -> None:
        """Raise ProcessError if process 0 ends with the same words: they are said once a host."""
        if self.first:
            # The store may live in this process: others can still look up why all ends.
            self._until([_end(rank) for rank in range(self.launch.world)], GRACE)
            return
        if not self._until([_end(0)], GRACE):
            return
        assert self._store is not None
        told = json.loads(self._store.get(_end(0)))
        if told["error"] == text:
            raise ProcessError(text, told=self._heard(told["host"]))

    def _heard(self, host: int) -> bool:
        """Return whether what a process on ``host`` says is enough: it is on the same terminal."""
        return host == self.launch.host or self.launch.local_rank > 0

    def _lost(self, where: str) -> ProcessError:
        """Return the error of a connection that broke: who failed or has gone.

        Of those that are still there, the lowest rank of each host tells it.
        """
        assert self._store is not None
        self._close()
        ends = {}
        with contextlib.suppress(RuntimeError):
            self._leave("")
            ranks = range(self.launch.world)
            self._until([_end(rank) for rank in ranks], GRACE)
            there = [rank for rank in ranks if self._store.check([_end(rank)])]
            ends = {rank: json.loads(self._store.get(_end(rank))) for rank in there}
        failed = [(rank, end) for rank, end in ends.items() if end["error"]]
        if failed:
            rank, end = failed[0]
            heard = any(self._heard(end["host"]) for _, end in failed)
            return ProcessError(
                f"rank {rank} of {self.launch.world} processes ended {where}: {end['error']}",
                told=heard,
            )
        gone = [str(rank) for rank in range(self.launch.world) if rank not in ends]
        who = f"rank {', '.join(gone)}" if gone and ends else "another"
        neighbours = [rank for rank, end in ends.items() if end["host"] == self.launch.host]
        return ProcessError(
            f"{who} of {self.launch.world} processes no longer answers {where}: it was killed, or "
            "its machine or network is down; what was saved is kept: go on with --resume.",
            told=bool(neighbours) and min(neighbours) < self.launch.rank,
        )

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(RuntimeError):
                connection.close()


def _end(rank: int) -> str:
    return f"end/{rank}"


def _pauses() -> Iterable[float]:
    """Yield seconds between two looks: short at first, for what is there soon."""
    return (min(0.01 * 1.2**n, 1.0) for n in itertools.count())
