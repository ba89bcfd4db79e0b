"""Collectives and messages of several processes by torch.distributed."""

from __future__ import annotations

import datetime
import functools
import itertools
import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed

from charloom.errors import TrainingError
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.messages import TIMEOUT_SECONDS, Messages
from charloom.training.distributed.process_group import ProcessGroup

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

_group_numbers = itertools.count()
"""Numbers of the process groups of this process: each has its own messages in the store."""


def init_process_group(
    process: ProcessInfo, timeout_seconds: float = TIMEOUT_SECONDS
) -> ProcessGroup:
    """Connect to the other processes, and set this process' number of threads.

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
    torch.set_num_threads(threads_per_process(process, torch.get_num_threads()))
    store = PrefixStore(f"charloom/{next(_group_numbers)}", shared_store)
    make_collectives = functools.partial(_TorchCollectives, process, store)
    return ProcessGroup(process, Messages(process, store), make_collectives)


def threads_per_process(process: ProcessInfo, default: int) -> int:
    """Return the number of threads of one process: its fraction of the host's cores.

    torchrun sets OMP_NUM_THREADS to 1 if several processes share a host and it is not set. With
    another number, or a single process on the host, the result is ``default``.
    """
    if process.local_world_size == 1 or os.environ.get("OMP_NUM_THREADS", "1") != "1":
        return default
    # Only Linux has a call for the cores that a process may use.
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, cores // process.local_world_size)


class _TorchCollectives:
    """Collectives of torch.distributed: NCCL between GPUs, gloo between CPUs."""

    def __init__(self, process: ProcessInfo, store: Store, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=store,
            rank=process.rank,
            world_size=process.world_size,
            timeout=datetime.timedelta(seconds=TIMEOUT_SECONDS),
        )

    def all_reduce(self, values: Tensor) -> None:
        distributed.all_reduce(values)

    def broadcast(self, values: Tensor) -> None:
        distributed.broadcast(values, 0)

    def close(self) -> None:
        distributed.destroy_process_group()
