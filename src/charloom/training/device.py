"""The device and precision of a run, and the seed of its first weights."""

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
    """A device, and the type of the numbers in matrix products while training."""

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> Precision:
        """The precision by its name in the settings, never ``auto``."""
        return "bf16" if self.bf16 else "fp32"

    @property
    def bf16(self) -> bool:
        """Whether matrix products are of bfloat16 while training."""
        return self.dtype == torch.bfloat16

    def agreement_keys(self) -> dict[str, object]:
        """Return, by names for error messages, the values that all processes must share."""
        return {"kind of device": self.device.type, "precision in use": self.precision}


def choose_device(
    settings: TrainingSettings, process: ProcessInfo = SINGLE_PROCESS
) -> DeviceConfig:
    """Return the device and precision that the settings ask for.

    Of several processes on a host, each gets the GPU of its local rank. Raises SettingsError for a
    device that this machine does not have.
    """
    device = _find_device(settings.device)
    if process.world_size > 1:
        device = _device_of_process(device, settings.device, process)
    bf16 = _has_fast_bf16(device) if settings.precision == "auto" else settings.precision == "bf16"
    return DeviceConfig(device=device, dtype=torch.bfloat16 if bf16 else torch.float32)


def candidate_precisions(
    settings: TrainingSettings,
) -> tuple[torch.device, tuple[Literal["fp32", "bf16"], ...]]:
    """Return the device of the settings, and the precisions that may be fastest on it.

    With a matrix unit bfloat16 is several times as fast. With dot product instructions only, the
    faster precision depends on the processor and must be measured. Raises SettingsError as
    ``choose_device`` does.
    """
    device = _find_device(settings.device)
    if not _has_fast_bf16(device):
        return device, ("fp32",)
    must_be_measured = device.type == "cpu" and INSTRUCTIONS == "dot"
    return device, ("fp32", "bf16") if must_be_measured else ("bf16",)


def _find_device(name: str) -> torch.device:
    # ``auto`` never chooses Apple's GPU: recurrent layers are slower on it than on the CPU.
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


def _device_of_process(device: torch.device, name: str, process: ProcessInfo) -> torch.device:
    """Return the device of one of several processes; ``name`` is that of the settings."""
    if device.type == "cpu":
        return device
    if device.type != "cuda" or device.index is not None:
        raise SettingsError(
            f"device is {name!r} with {process.world_size} processes, of which each needs one of "
            "its own; leave --device out, or give cpu or cuda."
        )
    gpus = torch.cuda.device_count()
    if process.local_rank >= gpus:
        raise SettingsError(
            f"process {process.local_rank} of this host has no GPU: there are {gpus}, numbered "
            f"from 0; start at most {gpus} on each host, or use --device cpu."
        )
    return torch.device("cuda", process.local_rank)


def _has_fast_bf16(device: torch.device) -> bool:
    """Return whether ``device`` has instructions for products of bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and INSTRUCTIONS != "none"


def seed_everything(seed: int) -> None:
    """Seed torch's global generators, from which first weights and dropout are drawn."""
    torch.manual_seed(seed)
