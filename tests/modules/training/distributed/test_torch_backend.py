import os

import pytest

from charloom.errors import TrainingError
from charloom.training.distributed import torch_backend
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.torch_backend import init_process_group, threads_per_process


def test_threads_are_the_process_share_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(9)), raising=False)
    shared = ProcessInfo(rank=1, world_size=8, local_rank=1, local_world_size=4)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads_per_process(shared, 1) == 2, "torchrun's own 1 is nobody's wish"
    assert threads_per_process(ProcessInfo(world_size=2), 7) == 7, "a host to itself"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_per_process(shared, 3) == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads_per_process(ProcessInfo(world_size=16, local_world_size=16), 9) == 1


def test_a_meeting_place_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_backend, "TIMEOUT_SECONDS", 0.1)
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(TrainingError) as caught:
        init_process_group(ProcessInfo(rank=1, world_size=2))
    assert str(caught.value) == (
        "the other processes cannot be met at 127.0.0.1:1, which MASTER_ADDR and MASTER_PORT name; "
        "start all of them with torchrun and an address that every host reaches."
    )
