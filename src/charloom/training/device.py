"""The device and precision of a run.

torch is imported only where there may be a GPU, or if one is asked for.
"""

from __future__ import annotations

import ctypes
import dataclasses
import sys
from pathlib import Path
from typing import Final, Literal

from charloom.errors import SettingsError
from charloom.extras import check_device, is_installed
from charloom.files import exists
from charloom.network.kernels.gemm_bf16 import INSTRUCTIONS
from charloom.settings import Precision, TrainingSettings
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    """A device, and the precision of matrix products while training."""

    device: str
    """The name of the device, such as "cpu" or "cuda:0"."""
    bf16: bool
    """Whether matrix products are of bfloat16 while training."""

    @property
    def kind(self) -> str:
        """The kind of device: "cpu", "cuda" or "mps"."""
        return _kind(self.device)

    @property
    def precision(self) -> Precision:
        """The precision by its name in the settings, never ``auto``."""
        return "bf16" if self.bf16 else "fp32"

    def agreement_keys(self) -> dict[str, object]:
        """Return, by names for error messages, the values that all processes must share."""
        return {"kind of device": self.kind, "precision in use": self.precision}


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
    return DeviceConfig(device=device, bf16=bf16)


def candidate_precisions(
    settings: TrainingSettings,
) -> tuple[str, tuple[Literal["fp32", "bf16"], ...]]:
    """Return the device of the settings, and the precisions that may be fastest on it.

    With a matrix unit bfloat16 is several times as fast. With dot product instructions only, the
    faster precision depends on the processor and must be measured. Raises SettingsError as
    ``choose_device`` does.
    """
    device = _find_device(settings.device)
    if not _has_fast_bf16(device):
        return device, ("fp32",)
    must_be_measured = device == "cpu" and INSTRUCTIONS == "dot"
    return device, ("fp32", "bf16") if must_be_measured else ("bf16",)


def _find_device(name: str) -> str:
    check_device(name)
    if name == "cpu" or (name == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    # ``auto`` never chooses Apple's GPU: recurrent layers are slower on it than on the CPU.
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
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
    return name


DRIVERS: Final = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
"""The library of NVIDIA's driver on each system that has one."""
AMD_DRIVER: Final = Path("/dev/kfd")


def _may_have_gpu() -> bool:
    """Return whether torch may find a GPU.

    Importing torch to ask it takes more than a second.
    """
    if not is_installed("torch"):
        return False
    if exists(AMD_DRIVER):
        return True
    try:
        ctypes.CDLL(DRIVERS.get(sys.platform, ""))
    except OSError:
        return False
    return sys.platform in DRIVERS


def _device_of_process(device: str, name: str, process: ProcessInfo) -> str:
    """Return the device of one of several processes; ``name`` is that of the settings."""
    if device == "cpu":
        return device
    import torch

    if device != "cuda":
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
    return f"cuda:{process.local_rank}"


def _kind(device: str) -> str:
    return device.partition(":")[0]


def _has_fast_bf16(device: str) -> bool:
    """Return whether ``device`` has instructions for products of bfloat16."""
    if _kind(device) == "cuda":
        import torch

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" and INSTRUCTIONS != "none"
