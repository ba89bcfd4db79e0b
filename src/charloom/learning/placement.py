"""Where and how the arithmetic is done: device, precision, seed."""

import contextlib
import dataclasses
from collections.abc import Mapping

import torch

from charloom.errors import SettingsError
from charloom.settings import Precision, TrainingSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placement:
    """A device, and the type in which the recurrent layers compute while training."""

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> Precision:
        """The precision by its name in the settings."""
        return "bf16" if self.dtype == torch.bfloat16 else "fp32"

    def arithmetic(self) -> contextlib.AbstractContextManager[object]:
        """Return the context in which a training step computes."""
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16
        )


def place(settings: TrainingSettings) -> Placement:
    """Choose the device and precision that the settings ask for.

    Raises SettingsError for a device that this machine does not have.
    """
    device = _device(settings.device)
    fast = _has_fast_bf16(device) if settings.precision == "auto" else settings.precision == "bf16"
    return Placement(device=device, dtype=torch.bfloat16 if fast else torch.float32)


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


def _has_fast_bf16(device: torch.device) -> bool:
    """Return whether ``device`` multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def seed_everything(seed: int) -> None:
    """Make the first weights and dropout follow from ``seed``."""
    torch.manual_seed(seed)


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the state of torch's own generators that a run on ``device`` draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_state(device: torch.device, states: Mapping[str, torch.Tensor]) -> None:
    """Take up what ``random_state`` returned, as far as it is of this kind of device."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
