"""Words that the processes of one training leave for each other, and how they learn who has gone.

They lie in a store that outlives the connection over which numbers travel. A process that ends says
so there, with the error that ended it if there was one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Iterable
from typing import Any, Protocol

from charloom.errors import ProcessError
from charloom.training.distributed.launch import ProcessInfo

GRACE_SECONDS = 5.0
"""Seconds in which processes that lost the connection tell that they are still there."""
TIMEOUT_SECONDS = 300.0
"""Seconds without a sign of another process after which it counts as gone."""


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


class Messages:
    """What one process reads and leaves in the store."""

    def __init__(self, launch: ProcessInfo, store: Store) -> None:
        self._launch = launch
        self._store = store

    def set(self, key: str, word: str) -> None:
        """Leave a word for all."""
        self._store.set(key, word)

    def wait_for(self, key: str) -> str:
        """Return a word when it is there; raises ProcessError if a process fails meanwhile.

        There is no limit to how long that takes: a text may be long.
        """
        with contextlib.suppress(RuntimeError):
            for pause in _pauses():
                if self._store.check([key]):
                    return self._store.get(key).decode()
                if self._store.check(["failed"]):
                    break
                time.sleep(pause)
        raise self.peer_error("at the start")

    def set_end(self, error: str) -> None:
        """Tell that this process ends, and why; "" if all went well, or another one failed."""
        word = json.dumps({"host": self._launch.host, "error": error})
        self._store.set(_end(self._launch.rank), word)
        if error:
            self._store.set("failed", "")

    def wait_for_peers(self, seconds: float) -> None:
        """Wait until process 0 has ended, ``seconds`` at most.

        The store may live in process 0, so that one waits a moment for all others.
        """
        if self._launch.rank > 0:
            self._until([_end(0)], seconds)
        else:
            self._until([_end(rank) for rank in range(self._launch.world_size)], GRACE_SECONDS)

    def main_reported(self, error: str) -> ProcessError | None:
        """Return a ProcessError if process 0 ends with the same ``error``, otherwise None."""
        if self._launch.rank == 0 or not self._store.check([_end(0)]):
            return None
        told = self._read(0)
        if told["error"] != error:
            return None
        return ProcessError(error, already_reported=self._heard(told["host"]))

    def peer_error(self, where: str) -> ProcessError:
        """Return the error of a connection that broke ``where``: who failed, or has gone.

        Of those that are still there, the lowest rank of each host tells it.
        """
        ends: dict[int, Any] = {}
        ranks = range(self._launch.world_size)
        with contextlib.suppress(RuntimeError):
            self.set_end("")
            self._until([_end(rank) for rank in ranks], GRACE_SECONDS)
            ends = {rank: self._read(rank) for rank in ranks if self._store.check([_end(rank)])}
        failed = [(rank, end) for rank, end in ends.items() if end["error"]]
        if failed:
            rank, end = failed[0]
            return ProcessError(
                f"rank {rank} of {len(ranks)} processes ended {where}: {end['error']}",
                already_reported=any(self._heard(end["host"]) for _, end in failed),
            )
        gone = [str(rank) for rank in ranks if rank not in ends]
        who = f"rank {', '.join(gone)}" if gone and ends else "another"
        neighbours = [rank for rank, end in ends.items() if end["host"] == self._launch.host]
        return ProcessError(
            f"{who} of {len(ranks)} processes no longer answers {where}: it was killed, or its "
            "machine or network is down; what was saved is kept: go on with --resume.",
            already_reported=bool(neighbours) and min(neighbours) < self._launch.rank,
        )

    def _read(self, rank: int) -> Any:
        return json.loads(self._store.get(_end(rank)))

    def _heard(self, host: int) -> bool:
        """Return whether what a process on ``host`` says is enough: it is on the same terminal."""
        return host == self._launch.host or self._launch.local_rank > 0

    def _until(self, keys: list[str], seconds: float) -> None:
        """Wait for words, ``seconds`` at most."""
        end = time.monotonic() + seconds
        for pause in _pauses():
            if self._store.check(keys) or time.monotonic() > end:
                return
            time.sleep(pause)


def _end(rank: int) -> str:
    return f"end/{rank}"


def _pauses() -> Iterable[float]:
    """Yield seconds between two looks: short at first, for what is there soon."""
    return (min(0.01 * 1.2**n, 1.0) for n in itertools.count())
