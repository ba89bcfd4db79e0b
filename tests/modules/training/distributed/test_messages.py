"""Messages over a dictionary, by a clock that advances while a process sleeps."""

from collections.abc import Callable

import pytest

from charloom.errors import ProcessError
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.messages import Messages

GRACE = 5.0


class FakeStore:
    """A store in memory; ``reachable`` is false after its process has ended."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.reachable = True

    def set(self, key: str, value: str) -> None:
        self._check_reachable()
        self.values[key] = value.encode()

    def get(self, key: str) -> bytes:
        self._check_reachable()
        return self.values[key]

    def check(self, keys: list[str]) -> bool:
        self._check_reachable()
        return all(key in self.values for key in keys)

    def _check_reachable(self) -> None:
        if not self.reachable:
            raise RuntimeError("Broken pipe")


class World:
    """Three processes on ``hosts``. Functions in ``at`` are called at their times."""

    def __init__(self, hosts: tuple[int, ...] = (0, 0, 0)) -> None:
        self.store = FakeStore()
        self.now = 0.0
        self.at: dict[float, Callable[[], None]] = {}
        self.processes = [
            Messages(
                ProcessInfo(
                    rank=rank,
                    world_size=len(hosts),
                    local_rank=hosts[:rank].count(host),
                    host=host,
                ),
                self.store,
                grace_seconds=GRACE,
                clock=lambda: self.now,
                sleep=self._sleep,
            )
            for rank, host in enumerate(hosts)
        ]

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        for time in [time for time in self.at if time <= self.now]:
            self.at.pop(time)()


def test_a_message_is_returned_once_another_process_sets_it() -> None:
    world = World()
    world.at[1000.0] = lambda: world.processes[0].set("key", "text é")
    assert world.processes[1].wait_for("key") == "text é"
    assert 1000 <= world.now <= 1001, "there is no time limit; a message is seen within a second"


def test_waiting_ends_when_a_process_fails() -> None:
    world = World()
    world.at[3.0] = lambda: world.processes[2].set_end("the disk is full.")
    with pytest.raises(ProcessError) as caught:
        world.processes[1].wait_for("key")
    assert str(caught.value) == "rank 2 of 3 processes ended at the start: the disk is full."
    assert world.now <= 4 + GRACE + 1


def test_a_failure_is_named_even_if_others_are_lost() -> None:
    world = World()
    world.processes[2].set_end("no.")
    error = world.processes[1].peer_error("at step 7")
    assert str(error) == "rank 2 of 3 processes ended at step 7: no."


@pytest.mark.parametrize(
    ("hosts", "reported"),
    [
        ((0, 0, 0), [True, True]),
        ((0, 0, 1), [True, False]),  # rank 2 has a terminal for itself
        ((0, 1, 1), [False, True]),  # rank 1 reports the error to the terminal of host 1
    ],
)
def test_one_process_of_each_host_reports_a_failure(
    hosts: tuple[int, ...], reported: list[bool]
) -> None:
    world = World(hosts)
    world.processes[0].set_end("no.")
    errors = [world.processes[rank].peer_error("at step 7") for rank in (1, 2)]
    assert [error.already_reported for error in errors] == reported


def test_lost_processes_are_named_after_the_grace_time() -> None:
    world = World()
    world.processes[0].set_end("")
    error = world.processes[2].peer_error("at step 7")
    assert str(error) == (
        "rank 1 of 3 processes no longer answers at step 7: it was killed, or its machine or "
        "network is down; what was saved is kept: continue with --resume."
    )
    assert GRACE < world.now < GRACE + 2
    assert error.already_reported, "rank 0 is on the same host and lower"


def test_without_the_store_no_process_can_be_named() -> None:
    world = World()
    world.store.reachable = False
    error = world.processes[2].peer_error("at step 7")
    assert str(error).startswith("another of 3 processes no longer answers at step 7")
    assert not error.already_reported


def test_process_0_waits_for_all_others_for_the_grace_time() -> None:
    world = World()
    for process in world.processes[:2]:
        process.set_end("")
    world.processes[0].wait_for_peers(300.0)
    assert GRACE < world.now < GRACE + 2, "rank 2 has not ended"


def test_other_processes_wait_for_process_0() -> None:
    world = World()
    world.at[200.0] = lambda: world.processes[0].set_end("")
    world.processes[1].wait_for_peers(300.0)
    assert 200 <= world.now < 202
    world = World()
    world.processes[1].wait_for_peers()
    assert GRACE < world.now < GRACE + 2, "by default for the grace time"


def test_an_error_that_process_0_reported_is_not_reported_twice() -> None:
    world = World()
    assert world.processes[1].main_reported("no.") is None
    world.processes[0].set_end("no.")
    assert world.processes[0].main_reported("no.") is None
    assert world.processes[1].main_reported("another.") is None
    error = world.processes[1].main_reported("no.")
    assert error is not None
    assert (str(error), error.already_reported) == ("no.", True)
