import os

import pytest

from charloom.errors import TrainingError
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.torch_backend import init_process_group, threads_per_process


def test_processes_on_a_host_divide_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(9)), raising=False)
    shared_host = ProcessInfo(rank=1, world_size=8, local_rank=1, local_world_size=4)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads_per_process(shared_host, 1) == 2, "torchrun sets 1 by itself"
    assert threads_per_process(ProcessInfo(world_size=2), 7) == 7, "the host has no other process"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_per_process(shared_host, 3) == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads_per_process(ProcessInfo(world_size=16, local_world_size=16), 9) == 1


def test_an_address_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(TrainingError) as caught:
        init_process_group(ProcessInfo(rank=1, world_size=2), timeout_seconds=0.1)
    assert str(caught.value) == (
        "the other processes cannot be reached at 127.0.0.1:1, the values of MASTER_ADDR and "
        "MASTER_PORT; start all of them with torchrun and an address that every host reaches."
    )
