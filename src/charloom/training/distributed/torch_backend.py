"""Meeting other processes, by torch."""

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
from charloom.training.distributed.messages import TIMEOUT_SECONDS
from charloom.training.distributed.process_group import ProcessGroup

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

_JOINED = itertools.count()
"""Trainings that this process took part in: each has words of its own in the store."""


def init_process_group(launch: ProcessInfo) -> ProcessGroup:
    """Meet the other processes, and share the processors of the host among those on it.

    Raises TrainingError when the meeting place cannot be reached.
    """
    # Not every build of torch has these.
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    limit = datetime.timedelta(seconds=TIMEOUT_SECONDS)
    try:
        met, _, _ = next(iter(rendezvous("env://", timeout=limit)))
    except (RuntimeError, ValueError) as error:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise TrainingError(
            f"the other processes cannot be met at {address}, which MASTER_ADDR and MASTER_PORT "
            "name; start all of them with torchrun and an address that every host reaches."
        ) from error
    torch.set_num_threads(threads_per_process(launch, torch.get_num_threads()))
    store = PrefixStore(f"charloom/{next(_JOINED)}", met)
    return ProcessGroup(launch, store, functools.partial(_TorchCollectives, launch, store))


def threads_per_process(launch: ProcessInfo, before: int) -> int:
    """Return the threads of one process: its share of the host's processors.

    torchrun sets OMP_NUM_THREADS to 1 where several processes share a host and nobody has set it.
    Another number, or a host to itself, is left as it is: ``before``.
    """
    if launch.local_world_size == 1 or os.environ.get("OMP_NUM_THREADS", "1") != "1":
        return before
    # Linux alone knows on which processors a process may run.
    known = hasattr(os, "sched_getaffinity")
    processors = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    return max(1, processors // launch.local_world_size)


class _TorchCollectives:
    """A connection between the processes: NCCL between GPUs, gloo between processors."""

    def __init__(self, launch: ProcessInfo, store: Store, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=store,
            rank=launch.rank,
            world_size=launch.world_size,
            timeout=datetime.timedelta(seconds=TIMEOUT_SECONDS),
        )

    def all_reduce(self, values: Tensor) -> None:
        """Replace ``values`` by their sum over all processes."""
        distributed.all_reduce(values)

    def broadcast(self, values: Tensor) -> None:
        """Replace ``values`` by those of process 0."""
        distributed.broadcast(values, 0)

    def close(self) -> None:
        """Let go of the other processes."""
        distributed.destroy_process_group()
