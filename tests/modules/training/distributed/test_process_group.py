"""Ranks as threads of one process, over a store and a connection that are a dictionary and sums."""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from charloom.errors import CharloomError, OutputError, ProcessError, SettingsError
from charloom.training.distributed import messages
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.process_group import ProcessGroup

WORLD = 3


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for a process that will never answer."""
    monkeypatch.setattr(messages, "GRACE_SECONDS", 2.0)


class Dictionary:
    """A store as torch has it."""

    def __init__(self) -> None:
        self.words: dict[str, bytes] = {}

    def set(self, key: str, value: str) -> None:
        self.words[key] = value.encode()

    def get(self, key: str) -> bytes:
        return self.words[key]

    def check(self, keys: list[str]) -> bool:
        return all(key in self.words for key in keys)


Rule = Callable[[dict[int, Tensor]], Tensor]
"""What all get, from the tensors of each."""


class Meeting:
    """Where threads exchange tensors, until one of them leaves."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.given: dict[int, Tensor] = {}
        self.results: list[Tensor] = []
        self.broken = False

    def exchange(
        self, rank: int, values: Tensor, of: Callable[[dict[int, Tensor]], Tensor]
    ) -> None:
        with self.changed:
            turn = len(self.results)
            self.given[rank] = values.clone()
            if len(self.given) == WORLD:
                self.results.append(of(self.given))
                self.given = {}
                self.changed.notify_all()
            self.changed.wait_for(lambda: self.broken or len(self.results) > turn, timeout=20)
            if len(self.results) == turn:
                raise RuntimeError("Connection closed by peer")
            values.copy_(self.results[turn])

    def leave(self) -> None:
        with self.changed:
            self.broken = True
            self.changed.notify_all()


@dataclasses.dataclass
class Line:
    meeting: Meeting
    rank: int
    device: torch.device = dataclasses.field(default_factory=lambda: torch.device("cpu"))

    def all_reduce(self, values: Tensor) -> None:
        self.meeting.exchange(self.rank, values, lambda each: sum(each.values(), torch.zeros(1)))

    def broadcast(self, values: Tensor) -> None:
        self.meeting.exchange(self.rank, values, lambda each: each[0])

    def close(self) -> None:
        self.meeting.leave()


def everywhere(act: Callable[[ProcessGroup], Any], hosts: tuple[int, ...] = (0, 0, 0)) -> list[Any]:
    """Return what ``act`` returns or raises in each of the ranks."""
    store, meeting = Dictionary(), Meeting()

    def run(rank: int) -> Any:
        local = hosts[:rank].count(hosts[rank])
        launch = ProcessInfo(rank=rank, world_size=WORLD, local_rank=local, host=hosts[rank])
        try:
            with ProcessGroup(launch, store, lambda device: Line(meeting, rank)) as ranks:
                ranks.connect(torch.device("cpu"))
                result = act(ranks)
                ranks.finish()
                return result
        except (CharloomError, OSError) as error:
            return error

    with ThreadPoolExecutor(WORLD) as pool:
        return list(pool.map(run, range(WORLD)))


def test_alone_nothing_is_exchanged() -> None:
    ranks = ProcessGroup()
    parameter = torch.ones(2)
    parameter.grad = torch.full((2,), 3.0)
    assert ranks.is_single and ranks.is_main
    assert ranks.all_reduce_gradients([parameter], [0.1, 2.0], "") == [0.1, 2.0]
    assert parameter.grad.tolist() == [3, 3]
    assert (ranks.all_reduce(0.1, ""), ranks.broadcast_text("x"), ranks.broadcast_bytes(b"y")) == (
        0.1,
        "x",
        b"y",
    )
    assert ranks.local_main_first(lambda: 5) == 5
    ranks.check_agreement({"a": 1})
    ranks.finish()


def test_gradients_and_values_are_summed() -> None:
    seconds = 123456.789012345

    def act(ranks: ProcessGroup) -> Any:
        rank = ranks.process.rank
        parameters = [torch.zeros(2, 2), torch.zeros(3), torch.zeros(1)]
        parameters[0].grad = torch.full((2, 2), 1.0 + rank)
        if rank == 1:  # a gradient that one process alone has counts; one that none has stays out
            parameters[1].grad = torch.tensor([1.0, 2.0, 3.0])
        values = ranks.all_reduce_gradients(parameters, [1.5, seconds if rank == 0 else 0.0], "")
        return values, [None if p.grad is None else p.grad.flatten().tolist() for p in parameters]

    for values, gradients in everywhere(act):
        assert values[0] == 4.5
        assert values[1] == pytest.approx(seconds, rel=1e-14)
        assert gradients == [[6, 6, 6, 6], [1, 2, 3], None]


def test_states_of_streams_come_together_in_the_order_of_the_minibatch() -> None:
    whole_LBH = torch.arange(2 * 7 * 2, dtype=torch.float32).reshape(2, 7, 2)

    def act(ranks: ProcessGroup) -> Any:
        own = whole_LBH[:, ranks.process.rank :: WORLD]
        none = whole_LBH[:, :0]
        return (
            ranks.gather_states({"hidden_LBH": own, "cell_LBH": None}),
            ranks.gather_states({"hidden_LBH": none, "cell_LBH": none}),
        )

    for merged, nothing in everywhere(act):
        assert torch.equal(merged["hidden_LBH"], whole_LBH)
        assert merged["cell_LBH"] is None
        assert nothing is None


def test_weights_words_and_bytes_are_those_of_process_0() -> None:
    def act(ranks: ProcessGroup) -> Any:
        rank = ranks.process.rank
        weight = torch.full((2,), float(rank + 7))
        ranks.broadcast_([weight])
        content = b"abc" if ranks.is_main else b""
        said = ranks.broadcast_text(f"word of {rank}"), ranks.broadcast_text(f"another of {rank}")
        return weight.tolist(), said, ranks.broadcast_bytes(content)

    assert everywhere(act) == [([7, 7], ("word of 0", "another of 0"), b"abc")] * WORLD


def test_the_first_process_of_each_host_reads_before_the_others() -> None:
    read: list[int] = []

    def act(ranks: ProcessGroup) -> Any:
        return ranks.local_main_first(lambda: read.append(ranks.process.rank))

    everywhere(act, hosts=(0, 1, 1))
    assert sorted(read) == [0, 1, 2]
    assert read.index(1) < read.index(2)


def test_facts_that_differ_are_refused_by_all_and_told_once() -> None:
    def act(ranks: ProcessGroup) -> None:
        ranks.check_agreement({"same": 1, "number of symbols": 80 + (ranks.process.rank == 2)})

    first, *others = everywhere(act)
    assert isinstance(first, SettingsError)
    assert str(first) == (
        "the processes differ: number of symbols is 80 in rank 0 and 81 in rank 2; start all of "
        "them with the same options, texts and versions."
    )
    assert all(isinstance(error, ProcessError) and error.already_reported for error in others)


def fail(ranks: ProcessGroup, rank: int) -> None:
    if ranks.process.rank == rank:
        raise OutputError("the disk is full; free some space.")
    for _ in range(3):
        ranks.all_reduce(1.0, "at step 5")


@pytest.mark.parametrize(("hosts", "told"), [((0, 0, 0), True), ((0, 0, 1), False)])
def test_an_error_in_one_process_ends_the_others(hosts: tuple[int, ...], told: bool) -> None:
    first, second, third = everywhere(lambda ranks: fail(ranks, 0), hosts)
    assert isinstance(first, OutputError)
    expected = "rank 0 of 3 processes ended at step 5: the disk is full; free some space."
    for error in (second, third):
        assert isinstance(error, ProcessError)
        assert str(error) == expected
    assert second.already_reported, "process 0 says so on this terminal"
    assert third.already_reported == told, "on another one somebody must"


def vanish(ranks: ProcessGroup) -> None:
    if ranks.process.rank == 1:
        ranks._messages = None  # it says no word
        raise OSError("killed")
    for _ in range(3):
        ranks.all_reduce(1.0, "at step 5")


@pytest.mark.usefixtures("short")
def test_a_process_that_is_gone_is_named_by_the_lowest_that_is_left() -> None:
    first, _, third = everywhere(vanish)
    assert str(first) == (
        "rank 1 of 3 processes no longer answers at step 5: it was killed, or its machine or "
        "network is down; what was saved is kept: go on with --resume."
    )
    assert (first.already_reported, third.already_reported) == (False, True)


def test_who_waits_for_a_word_hears_of_a_failure() -> None:
    def act(ranks: ProcessGroup) -> str:
        if ranks.is_main:
            raise OutputError("no.")
        return ranks.broadcast_text("")

    _, second, _ = everywhere(act)
    assert str(second) == "rank 0 of 3 processes ended at the start: no."
