"""Messages between processes, and the errors of processes that have ended.

Messages are kept in a key-value store, which stays reachable after the connection for tensors has
broken. A process that ends sets a message with its error, or with none. Keys are the same in all
versions of charloom, so that processes of different versions can report that they differ.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from charloom.errors import ProcessError
from charloom.training.distributed.launch import ProcessInfo

GRACE_SECONDS: Final = 5.0
"""Time for processes that lost the connection to report that they are still running."""
TIMEOUT_SECONDS: Final = 300.0
"""Time without a reply after which another process counts as lost."""
_FAILED: Final = "failed"
"""Key that is set once any process has ended with an error."""


class Store(Protocol):
    """torch's key-value store, shared by all processes.

    Methods raise RuntimeError if it cannot be reached.
    """

    def set(self, key: str, value: str) -> object:
        """Set the value of a key."""
        ...

    def get(self, key: str) -> bytes:
        """Return the value of a key that is set."""
        ...

    def check(self, keys: list[str]) -> bool:
        """Return whether all keys are set."""
        ...


class Messages:
    """The messages of one process and its view of those of the others.

    ``clock`` and ``sleep`` are replaced in tests.
    """

    def __init__(
        self,
        process: ProcessInfo,
        store: Store,
        *,
        grace_seconds: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._process = process
        self._store = store
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._sleep = sleep

    def set(self, key: str, text: str) -> None:
        """Set a message for all processes."""
        self._store.set(key, text)

    def wait_for(self, key: str) -> str:
        """Return a message as soon as it is set; there is no time limit.

        Raises ProcessError if a process ends with an error meanwhile.
        """
        with contextlib.suppress(RuntimeError):
            for pause in _pauses():
                if self._store.check([key]):
                    return self._store.get(key).decode()
                if self._store.check([_FAILED]):
                    break
                self._sleep(pause)
        raise self.peer_error("at the start")

    def set_end(self, error: str) -> None:
        """Report that this process ends; ``error`` is "" unless it is the first to fail."""
        report = json.dumps({"host": self._process.host, "error": error})
        self._store.set(_end_key(self._process.rank), report)
        if error:
            self._store.set(_FAILED, "")

    def wait_for_peers(self, main_seconds: float | None = None) -> None:
        """Wait for the end of process 0, or in process 0 for the ends of all others.

        Process 0 waits only ``grace_seconds``, as the store may be part of it and must stay
        reachable for a moment. The others wait ``main_seconds``, by default as long.
        """
        if self._process.rank == 0:
            self._wait_until_set(self._end_keys(), self._grace_seconds)
        else:
            seconds = self._grace_seconds if main_seconds is None else main_seconds
            self._wait_until_set([_end_key(0)], seconds)

    def main_reported(self, error: str) -> ProcessError | None:
        """Return a ProcessError if process 0 ended with the same ``error``, or None."""
        if self._process.rank == 0 or not self._store.check([_end_key(0)]):
            return None
        end = self._end(0)
        if end["error"] != error:
            return None
        return ProcessError(error, already_reported=self._is_reported_by(end["host"]))

    def peer_error(self, where: str) -> ProcessError:
        """Return the error after a broken connection: which process failed or was lost.

        If processes were lost, the lowest remaining rank of each host reports it.
        """
        ends: dict[int, Any] = {}
        ranks = range(self._process.world_size)
        with contextlib.suppress(RuntimeError):
            self.set_end("")
            self._wait_until_set(self._end_keys(), self._grace_seconds)
            ends = {rank: self._end(rank) for rank in ranks if self._store.check([_end_key(rank)])}
        failed = [(rank, end) for rank, end in ends.items() if end["error"]]
        if failed:
            rank, end = failed[0]
            return ProcessError(
                f"rank {rank} of {len(ranks)} processes ended {where}: {end['error']}",
                already_reported=any(self._is_reported_by(end["host"]) for _, end in failed),
            )
        lost = [str(rank) for rank in ranks if rank not in ends]
        who = f"rank {', '.join(lost)}" if lost and ends else "another"
        neighbors = [rank for rank, end in ends.items() if end["host"] == self._process.host]
        return ProcessError(
            f"{who} of {len(ranks)} processes no longer answers {where}: it was killed, or its "
            "machine or network is down; what was saved is kept: continue with --resume.",
            already_reported=bool(neighbors) and min(neighbors) < self._process.rank,
        )

    def _end_keys(self) -> list[str]:
        return [_end_key(rank) for rank in range(self._process.world_size)]

    def _end(self, rank: int) -> Any:
        return json.loads(self._store.get(_end_key(rank)))

    def _is_reported_by(self, host: int) -> bool:
        """Return whether this process can leave reporting to a process on ``host``.

        It can if that process uses the same terminal, or if another process of its own host reports
        the error there.
        """
        return host == self._process.host or self._process.local_rank > 0

    def _wait_until_set(self, keys: list[str], seconds: float) -> None:
        """Wait until all keys are set, for ``seconds`` at most."""
        end = self._clock() + seconds
        for pause in _pauses():
            if self._store.check(keys) or self._clock() > end:
                return
            self._sleep(pause)


def _end_key(rank: int) -> str:
    return f"end/{rank}"


def _pauses() -> Iterable[float]:
    """Yield the seconds between two checks, from a hundredth up to one."""
    return (min(0.01 * 1.2**n, 1.0) for n in itertools.count())
