"""Where and how the arithmetic is done: device, precision, threads, seed, other processes."""

from __future__ import annotations

import dataclasses
from typing import Literal

import torch

from charloom.errors import SettingsError
from charloom.network.kernels.gemm_bf16 import INSTRUCTIONS
from charloom.settings import Precision, TrainingSettings
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    """A device, and the type of the numbers that are multiplied while training."""

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> Precision:
        """The precision by its name in the settings."""
        return "bf16" if self.dtype == torch.bfloat16 else "fp32"

    def agreement_keys(self) -> dict[str, object]:
        """Return what processes that learn as one have in common."""
        return {"kind of device": self.device.type, "precision in use": self.precision}

    @property
    def bf16(self) -> bool:
        """Whether products of matrices are of bfloat16 while training."""
        return self.dtype == torch.bfloat16


def choose_device(
    settings: TrainingSettings, process: ProcessInfo = SINGLE_PROCESS
) -> DeviceConfig:
    """Choose the device and precision that the settings ask for.

    Each of several processes on a host has a GPU of its own. Raises SettingsError for a device that
    this machine does not have.
    """
    device = _device(settings.device)
    if process.world_size > 1:
        device = _own(device, settings.device, process)
    fast = _has_fast_bf16(device) if settings.precision == "auto" else settings.precision == "bf16"
    return DeviceConfig(device=device, dtype=torch.bfloat16 if fast else torch.float32)


def candidate_precisions(
    settings: TrainingSettings,
) -> tuple[torch.device, tuple[Literal["fp32", "bf16"], ...]]:
    """Return the device that the settings ask for, and the precisions that may be fastest there.

    A matrix unit is several times as fast with bfloat16. Where a processor has other instructions
    for it, that depends on the processor. Raises SettingsError as ``place`` does.
    """
    device = _device(settings.device)
    if not _has_fast_bf16(device):
        return device, ("fp32",)
    measured = device.type == "cpu" and INSTRUCTIONS == "dot"
    return device, ("fp32", "bf16") if measured else ("bf16",)


def _device(name: str) -> torch.device:
    # Apple's GPU is never chosen by itself: its recurrent layers are slower there than on the CPU.
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    present = ["cpu", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
    if torch.cuda.is_available():
        present.append("cuda")
    if torch.backends.mps.is_available():
        present.append("mps")
    if name not in present:
        raise SettingsError(
            f"device is {name!r}, which this machine does not have; "
            f"there are: auto, {', '.join(present)}."
        )
    return torch.device(name)


def _own(device: torch.device, name: str, launch: ProcessInfo) -> torch.device:
    """Return the device of one among several processes."""
    if device.type == "cpu":
        return device
    if device.type != "cuda" or device.index is not None:
        raise SettingsError(
            f"device is {name!r} with {launch.world_size} processes, of which each needs one of its "
            "own; leave --device out, or give cpu or cuda."
        )
    count = torch.cuda.device_count()
    if launch.local_rank >= count:
        raise SettingsError(
            f"process {launch.local_rank} of this host has no GPU: there are {count}, numbered "
            f"from 0; start at most {count} on each host, or use --device cpu."
        )
    return torch.device("cuda", launch.local_rank)


def _has_fast_bf16(device: torch.device) -> bool:
    """Return whether ``device`` multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and INSTRUCTIONS != "none"


def seed_everything(seed: int) -> None:
    """Make the first weights and dropout follow from ``seed``."""
    torch.manual_seed(seed)
