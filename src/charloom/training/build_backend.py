"""The parameters of a network before training, and the backend that trains it."""

from __future__ import annotations

from charloom.network.freezing import FrozenRows
from charloom.network.initialization import initial_tensors
from charloom.network.parameters import Parameters, parameter_shapes
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.backend import Backend
from charloom.training.cpu_backend import CpuBackend
from charloom.training.device import DeviceConfig
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.threads import thread_count


def initial_parameters(
    network: NetworkSettings, vocabulary_size: int, labels: int, seed: int
) -> Parameters:
    """Return the parameters of a network before training.

    Raises MemoryError if they do not fit into memory.
    """
    weights = Parameters(parameter_shapes(network, vocabulary_size, labels))
    weights.load(initial_tensors(network.cell, weights.shapes, seed))
    return weights


def build_backend(
    network: NetworkSettings,
    weights: Parameters,
    settings: TrainingSettings,
    device: DeviceConfig,
    process: ProcessInfo = SINGLE_PROCESS,
    frozen: FrozenRows | None = None,
) -> Backend:
    """Return the backend that trains a network from ``weights`` on ``device``.

    Rows that are ``frozen`` stay as they are.
    """
    if device.kind == "cpu":
        return CpuBackend(
            network,
            weights,
            settings,
            bf16=device.bf16,
            threads=thread_count(process),
            process=process,
            frozen=frozen,
        )
    from charloom.training.torch_backend import TorchBackend

    return TorchBackend(network, weights, settings, device, process, frozen)
