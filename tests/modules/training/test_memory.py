import os

import psutil
import pytest
import torch

from charloom.training import memory
from charloom.training.memory import MemoryMeter


def test_the_process_is_measured() -> None:
    measured = MemoryMeter(torch.device("cpu"))
    measured.update(0.0)
    now = psutil.Process(os.getpid()).memory_info().rss
    assert now / 2 < measured.process_bytes < 2 * now
    assert measured.device_bytes is None


def test_it_is_measured_twice_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.device] = []
    monkeypatch.setattr(memory, "_reserved", asked.append)
    measured = MemoryMeter(torch.device("cpu"))
    for tenth in range(21):
        measured.update(tenth / 8)
    assert len(asked) == 6


def test_of_a_gpu_it_is_what_is_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 100 + device.index)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 7)
    for name, expected in (("cuda:1", 101), ("mps", 7)):
        measured = MemoryMeter(torch.device(name))
        measured.update(0.0)
        assert measured.device_bytes == expected
