"""Process groups of three threads, with store and collectives in memory."""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.errors import CharloomError, OutputError, ProcessError, SettingsError
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.messages import Messages
from charloom.training.distributed.process_group import ProcessGroup

WORLD_SIZE = 3
GRACE_SECONDS = 2.0

Array = NDArray[Any]


class FakeStore:
    """A store in memory."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def set(self, key: str, value: str) -> None:
        self.values[key] = value.encode()

    def get(self, key: str) -> bytes:
        return self.values[key]

    def check(self, keys: list[str]) -> bool:
        return all(key in self.values for key in keys)


class Exchange:
    """Combines the arrays of all threads, until one of them disconnects."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._arrays: dict[int, Array] = {}
        self._results: list[Array] = []
        self._disconnected = False

    def combine(
        self, rank: int, values: Array, combined: Callable[[dict[int, Array]], Array]
    ) -> None:
        """Replace ``values`` by a function of the arrays of all ranks."""
        with self._changed:
            turn = len(self._results)
            self._arrays[rank] = values.copy()
            if len(self._arrays) == WORLD_SIZE:
                self._results.append(combined(self._arrays))
                self._arrays = {}
                self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._disconnected or len(self._results) > turn, timeout=20
            )
            if len(self._results) == turn:
                raise RuntimeError("Connection closed by peer")
            values[...] = self._results[turn]

    def disconnect(self) -> None:
        with self._changed:
            self._disconnected = True
            self._changed.notify_all()


@dataclasses.dataclass
class FakeCollectives:
    exchange: Exchange
    rank: int

    def all_reduce(self, values: Array) -> None:
        self.exchange.combine(self.rank, values, lambda arrays: sum(arrays.values(), np.zeros(1)))

    def broadcast(self, values: Array) -> None:
        self.exchange.combine(self.rank, values, lambda arrays: arrays[0])

    def close(self) -> None:
        self.exchange.disconnect()


def run_all(
    act: Callable[[ProcessGroup], Any],
    hosts: tuple[int, ...] = (0, 0, 0),
    killed: int | None = None,
) -> list[Any]:
    """Return the results or errors of ``act`` in each rank but the ``killed`` one."""
    store, exchange = FakeStore(), Exchange()

    def run(rank: int) -> Any:
        process = ProcessInfo(
            rank=rank,
            world_size=WORLD_SIZE,
            local_rank=hosts[:rank].count(hosts[rank]),
            host=hosts[rank],
        )
        if rank == killed:
            exchange.disconnect()
            return None
        group = ProcessGroup(
            process,
            Messages(process, store, grace_seconds=GRACE_SECONDS),
            lambda device: FakeCollectives(exchange, rank),
        )
        try:
            with group:
                group.connect("cpu")
                result = act(group)
                group.finish()
                return result
        except CharloomError as error:
            return error

    with ThreadPoolExecutor(WORLD_SIZE) as pool:
        return list(pool.map(run, range(WORLD_SIZE)))


@dataclasses.dataclass
class Gradients:
    """A network with one gradient."""

    values_P: Array

    def all_reduce_gradients(self, reduce: Callable[[Any], None], numbers: Array) -> Array:
        reduce(self.values_P)
        reduce(numbers)
        return numbers


def test_a_single_process_exchanges_nothing() -> None:
    group = ProcessGroup()
    gradients = Gradients(np.full(2, 3.0))
    assert group.is_single and group.is_main
    assert group.all_reduce_gradients(gradients, [0.1, 2.0], "") == [0.1, 2.0]
    assert gradients.values_P.tolist() == [3, 3]
    assert group.all_reduce(0.1, "") == 0.1
    group.broadcast(gradients.values_P)
    assert gradients.values_P.tolist() == [3, 3]
    assert (group.broadcast_text("x"), group.broadcast_bytes(b"y")) == ("x", b"y")
    assert group.local_main_first(lambda: 5) == 5
    states = {"hidden_LBH": np.ones((1, 2, 3), np.float32), "cell_LBH": None}
    assert group.gather_states(None) is None
    assert group.gather_states(states) == states
    group.check_agreement({"a": 1})
    group.finish()


def test_gradients_and_values_are_summed() -> None:
    seconds = 123456.789012345

    def act(group: ProcessGroup) -> Any:
        rank = group.process.rank
        gradients = Gradients(np.array([[1.0 + rank, 2.0], [0.0, rank]]))
        values = [1.5, seconds if rank == 0 else 0.0]
        sums = group.all_reduce_gradients(gradients, values, "")
        return sums, gradients.values_P.tolist()

    for sums, gradients in run_all(act):
        assert sums[0] == 4.5
        assert sums[1] == pytest.approx(seconds, rel=1e-14), "sent as float32 numbers"
        assert gradients == [[6, 6], [0, 3]]


def test_states_are_gathered_in_the_order_of_the_minibatch() -> None:
    whole_LBH = np.arange(2 * 7 * 2, dtype=np.float32).reshape(2, 7, 2)

    def act(group: ProcessGroup) -> Any:
        own_LBH = whole_LBH[:, group.process.rank :: WORLD_SIZE]
        empty_LBH = whole_LBH[:, :0]
        return (
            group.gather_states({"hidden_LBH": own_LBH, "cell_LBH": None}),
            group.gather_states({"hidden_LBH": empty_LBH, "cell_LBH": empty_LBH}),
        )

    for gathered, empty in run_all(act):
        assert np.array_equal(gathered["hidden_LBH"], whole_LBH)
        assert gathered["cell_LBH"] is None
        assert empty is None


def test_weights_texts_and_bytes_of_process_0_are_broadcast() -> None:
    def act(group: ProcessGroup) -> Any:
        rank = group.process.rank
        weight = np.full(2, rank + 7.0)
        group.broadcast(weight)
        content = group.broadcast_bytes(b"abc" if group.is_main else b"")
        texts = group.broadcast_text(f"text {rank}"), group.broadcast_text(f"another {rank}")
        return weight.tolist(), texts, content

    assert run_all(act) == [([7, 7], ("text 0", "another 0"), b"abc")] * WORLD_SIZE


def test_the_first_process_of_each_host_reads_before_the_others() -> None:
    ranks: list[int] = []

    def act(group: ProcessGroup) -> Any:
        return group.local_main_first(lambda: ranks.append(group.process.rank))

    run_all(act, hosts=(0, 1, 1))
    assert sorted(ranks) == [0, 1, 2]
    assert ranks.index(1) < ranks.index(2)


def test_values_that_differ_are_an_error_in_all_processes_and_reported_once() -> None:
    def act(group: ProcessGroup) -> None:
        group.check_agreement({"same": 1, "number of symbols": 80 + (group.process.rank == 2)})

    first, *others = run_all(act)
    assert isinstance(first, SettingsError)
    assert str(first) == (
        "the processes differ: number of symbols is 80 in rank 0 and 81 in rank 2; start all of "
        "them with the same options, texts and versions."
    )
    assert all(isinstance(error, ProcessError) and error.already_reported for error in others)


def take_steps(group: ProcessGroup) -> None:
    for _ in range(3):
        group.all_reduce(1.0, "at step 5")


@pytest.mark.parametrize(("hosts", "reported"), [((0, 0, 0), True), ((0, 0, 1), False)])
def test_an_error_in_one_process_ends_the_others(hosts: tuple[int, ...], reported: bool) -> None:
    def act(group: ProcessGroup) -> None:
        if group.is_main:
            raise OutputError("the disk is full; free some space.")
        take_steps(group)

    first, second, third = run_all(act, hosts)
    assert isinstance(first, OutputError)
    expected = "rank 0 of 3 processes ended at step 5: the disk is full; free some space."
    for error in (second, third):
        assert isinstance(error, ProcessError)
        assert str(error) == expected
    assert second.already_reported, "process 0 reports it on this terminal"
    assert third.already_reported == reported, "on another host one process must"


def test_a_killed_process_is_named_by_the_lowest_remaining_rank() -> None:
    first, _, third = run_all(take_steps, killed=1)
    assert str(first) == (
        "rank 1 of 3 processes no longer answers at step 5: it was killed, or its machine or "
        "network is down; what was saved is kept: continue with --resume."
    )
    assert (first.already_reported, third.already_reported) == (False, True)


def test_waiting_for_a_text_ends_when_process_0_fails() -> None:
    def act(group: ProcessGroup) -> str:
        if group.is_main:
            raise OutputError("no.")
        return group.broadcast_text("")

    _, second, _ = run_all(act)
    assert str(second) == "rank 0 of 3 processes ended at the start: no."
