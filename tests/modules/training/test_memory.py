import os
import sys
from pathlib import Path

import psutil
import pytest

from charloom.training import memory
from charloom.training.memory import MemoryMeter, keep_freed_memory


@pytest.mark.parametrize("statm", [True, False], ids=["with /proc", "without /proc"])
def test_the_resident_set_of_this_process_is_measured(
    statm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not statm:
        monkeypatch.setattr(memory, "Path", lambda path: Path("missing", path[1:]))
    meter = MemoryMeter(lambda: None)
    meter.update(0.0)
    now = psutil.Process(os.getpid()).memory_info().rss
    assert now / 2 < meter.process_bytes < 2 * now
    assert meter.device_bytes is None


def test_memory_is_measured_at_most_twice_a_second() -> None:
    measured: list[int] = []

    def device_bytes() -> int:
        measured.append(len(measured))
        return 100 + len(measured)

    meter = MemoryMeter(device_bytes)
    for eighth in range(21):
        meter.update(eighth / 8)
    assert len(measured) == 6
    assert meter.device_bytes == 106


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_the_allocator_is_configured_on_linux_only(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere the call does nothing; on Linux it may be repeated."""
    if sys.platform == "linux" or platform != "linux":
        monkeypatch.setattr(sys, "platform", platform)
    keep_freed_memory()
    keep_freed_memory()
