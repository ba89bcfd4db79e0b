import os

import psutil
import pytest
import torch

from charloom.training.memory import MemoryMeter


def test_the_resident_set_of_this_process_is_measured() -> None:
    meter = MemoryMeter(torch.device("cpu"))
    meter.update(0.0)
    now = psutil.Process(os.getpid()).memory_info().rss
    assert now / 2 < meter.process_bytes < 2 * now
    assert meter.device_bytes is None


def test_memory_is_measured_at_most_twice_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "memory_reserved", measured.append)
    meter = MemoryMeter(torch.device("cuda:0"))
    for eighth in range(21):
        meter.update(eighth / 8)
    assert len(measured) == 6


def test_on_a_gpu_the_reserved_memory_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 100 + device.index)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 7)
    for name, expected in (("cuda:1", 101), ("mps", 7)):
        meter = MemoryMeter(torch.device(name))
        meter.update(0.0)
        assert meter.device_bytes == expected
