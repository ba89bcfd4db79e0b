"""Collectives and messages of several processes by torch.distributed."""

from __future__ import annotations

import datetime
import functools
import itertools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from charloom.errors import TrainingError
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.messages import TIMEOUT_SECONDS, Messages
from charloom.training.distributed.process_group import ProcessGroup

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

Array = NDArray[Any] | Tensor

_group_numbers = itertools.count()
"""Numbers of the process groups of this process: each has its own messages in the store."""


def init_process_group(
    process: ProcessInfo, timeout_seconds: float = TIMEOUT_SECONDS
) -> ProcessGroup:
    """Connect to the other processes.

    Raises TrainingError if the address of MASTER_ADDR and MASTER_PORT cannot be reached.
    """
    # Not every build of torch has these.
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    timeout = datetime.timedelta(seconds=timeout_seconds)
    try:
        shared_store, _, _ = next(iter(rendezvous("env://", timeout=timeout)))
    except (RuntimeError, ValueError) as error:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise TrainingError(
            f"the other processes cannot be reached at {address}, the values of MASTER_ADDR and "
            "MASTER_PORT; start all of them with torchrun and an address that every host reaches."
        ) from error
    store = PrefixStore(f"charloom/{next(_group_numbers)}", shared_store)
    make_collectives = functools.partial(_TorchCollectives, process, store)
    return ProcessGroup(process, Messages(process, store), make_collectives)


class _TorchCollectives:
    """Collectives of torch.distributed: NCCL between GPUs, gloo between CPUs."""

    def __init__(self, process: ProcessInfo, store: Store, device: str) -> None:
        self._device = torch.device(device)
        on_gpu = self._device.type == "cuda"
        if on_gpu:
            torch.cuda.set_device(self._device)
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo",
            store=store,
            rank=process.rank,
            world_size=process.world_size,
            timeout=datetime.timedelta(seconds=TIMEOUT_SECONDS),
        )

    def all_reduce(self, values: Array) -> None:
        self._in_place(values, distributed.all_reduce)

    def broadcast(self, values: Array) -> None:
        self._in_place(values, lambda tensor: distributed.broadcast(tensor, 0))

    def _in_place(self, values: Array, collective: Callable[[Tensor], object]) -> None:
        """Apply ``collective`` on the device, and write the result back."""
        own = torch.as_tensor(values)
        sent = own.to(self._device)
        collective(sent)
        if sent is not own:
            own.copy_(sent)

    def close(self) -> None:
        distributed.destroy_process_group()
