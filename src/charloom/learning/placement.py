"""Where and how the arithmetic is done: device, precision, threads, seed, other processes."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import itertools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, distributed

from charloom.arithmetic.bfloat16 import INSTRUCTIONS
from charloom.errors import SettingsError, TrainingError
from charloom.launch import ALONE, Launch
from charloom.learning.ranks import Ranks
from charloom.learning.words import PATIENCE
from charloom.settings import Precision, TrainingSettings

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placement:
    """A device, and the type of the numbers that are multiplied while training."""

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> Precision:
        """The precision by its name in the settings."""
        return "bf16" if self.dtype == torch.bfloat16 else "fp32"

    def facts(self) -> dict[str, object]:
        """Return what processes that learn as one have in common."""
        return {"kind of device": self.device.type, "precision in use": self.precision}

    @property
    def rounded(self) -> bool:
        """Whether products of matrices are of bfloat16 while training."""
        return self.dtype == torch.bfloat16


def place(settings: TrainingSettings, launch: Launch = ALONE) -> Placement:
    """Choose the device and precision that the settings ask for.

    Each of several processes on a host has a GPU of its own. Raises SettingsError for a device that
    this machine does not have.
    """
    device = _device(settings.device)
    if launch.world > 1:
        device = _own(device, settings.device, launch)
    fast = _has_fast_bf16(device) if settings.precision == "auto" else settings.precision == "bf16"
    return Placement(device=device, dtype=torch.bfloat16 if fast else torch.float32)


def precisions(
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


def _own(device: torch.device, name: str, launch: Launch) -> torch.device:
    """Return the device of one among several processes."""
    if device.type == "cpu":
        return device
    if device.type != "cuda" or device.index is not None:
        raise SettingsError(
            f"device is {name!r} with {launch.world} processes, of which each needs one of its "
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


_JOINED = itertools.count()
"""Trainings that this process took part in: each has words of its own in the store."""


def join(launch: Launch) -> Ranks:
    """Meet the other processes, and share the processors of the host among those on it.

    Raises TrainingError when the meeting place cannot be reached.
    """
    # Not every build of torch has these.
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    limit = datetime.timedelta(seconds=PATIENCE)
    try:
        met, _, _ = next(iter(rendezvous("env://", timeout=limit)))
    except (RuntimeError, ValueError) as error:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise TrainingError(
            f"the other processes cannot be met at {address}, which MASTER_ADDR and MASTER_PORT "
            "name; start all of them with torchrun and an address that every host reaches."
        ) from error
    torch.set_num_threads(threads(launch, torch.get_num_threads()))
    store = PrefixStore(f"charloom/{next(_JOINED)}", met)
    return Ranks(launch, store, functools.partial(_Group, launch, store))


def threads(launch: Launch, before: int) -> int:
    """Return the threads of one process: its share of the host's processors.

    torchrun sets OMP_NUM_THREADS to 1 where several processes share a host and nobody has set it.
    Another number, or a host to itself, is left as it is: ``before``.
    """
    if launch.local_world == 1 or os.environ.get("OMP_NUM_THREADS", "1") != "1":
        return before
    # Linux alone knows on which processors a process may run.
    known = hasattr(os, "sched_getaffinity")
    processors = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    return max(1, processors // launch.local_world)


class _Group:
    """A connection between the processes: NCCL between GPUs, gloo between processors."""

    def __init__(self, launch: Launch, store: Store, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=store,
            rank=launch.rank,
            world_size=launch.world,
            timeout=datetime.timedelta(seconds=PATIENCE),
        )

    def sum(self, values: Tensor) -> None:
        """Replace ``values`` by their sum over all processes."""
        distributed.all_reduce(values)

    def copy(self, values: Tensor) -> None:
        """Replace ``values`` by those of process 0."""
        distributed.broadcast(values, 0)

    def close(self) -> None:
        """Let go of the other processes."""
        distributed.destroy_process_group()
