"""The backend of a device, and initial parameters."""

import pytest
from backends import BATCH

from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.build_backend import build_backend, initial_parameters
from charloom.training.cpu_backend import CpuBackend
from charloom.training.device import DeviceConfig

NETWORK = NetworkSettings(cell="gru", hidden=6, input=3)


def test_initial_parameters_follow_from_the_seed() -> None:
    first, same, other = (initial_parameters(NETWORK, 7, 2, seed) for seed in (1, 1, 2))
    assert first.flat_P.tobytes() == same.flat_P.tobytes() != other.flat_P.tobytes()


def test_a_cpu_has_the_threads_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TrainingSettings(batch_size=4 * BATCH)
    for threads in (1, 3):
        monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
        weights = initial_parameters(NETWORK, 7, 0, seed=0)
        device = DeviceConfig(device="cpu", bf16=False)
        backend = build_backend(NETWORK, weights, settings, device)
        assert isinstance(backend, CpuBackend)
        assert backend.threads.count == threads
        assert backend.device_bytes() is None
