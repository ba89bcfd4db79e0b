"""The rank of this process, from the environment variables of torchrun.

See https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Final

from charloom.errors import SettingsError

RANK_VARIABLES: Final = ("RANK", "WORLD_SIZE")
"""Variables that mark one of several processes, if both are set."""
RENDEZVOUS_VARIABLES: Final = ("MASTER_ADDR", "MASTER_PORT")
"""Variables with the address at which processes connect."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessInfo:
    """The ranks of a process and the numbers of processes; by default a single one."""

    rank: int = 0
    """From 0; process 0 alone writes files."""
    world_size: int = 1
    """Processes on all hosts."""
    local_rank: int = 0
    """Rank among the processes of this host."""
    local_world_size: int = 1
    """Processes on this host."""
    host: int = 0
    """Number of this host, from 0."""


SINGLE_PROCESS: Final = ProcessInfo()


def process_info_from_torchrun(environment: Mapping[str, str] = os.environ) -> ProcessInfo:
    """Return the ranks of this process from the variables that torchrun sets.

    Returns SINGLE_PROCESS if RANK or WORLD_SIZE is missing. Raises SettingsError if the variables
    contradict each other.
    """
    if not all(name in environment for name in RANK_VARIABLES):
        return SINGLE_PROCESS
    rank, world_size = (_integer(environment, name) for name in RANK_VARIABLES)
    if rank >= world_size:
        raise SettingsError(
            f"the environment has RANK {rank} and WORLD_SIZE {world_size}; ranks are 0 to "
            f"{world_size - 1}: start the processes with torchrun, or unset both."
        )
    if world_size == 1:
        return SINGLE_PROCESS
    missing = [name for name in RENDEZVOUS_VARIABLES if name not in environment]
    if missing:
        raise SettingsError(
            f"the environment has RANK and WORLD_SIZE but no {missing[0]}, which processes need "
            "to connect: start them with torchrun, or unset both."
        )
    return ProcessInfo(
        rank=rank,
        world_size=world_size,
        local_rank=_integer(environment, "LOCAL_RANK", rank),
        local_world_size=_integer(environment, "LOCAL_WORLD_SIZE", world_size),
        host=_integer(environment, "GROUP_RANK", 0),
    )


def _integer(environment: Mapping[str, str], name: str, default: int = 0) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal():
        raise SettingsError(
            f"the environment variable {name} is {text!r}; torchrun sets it to a whole number: "
            "start the processes with torchrun, or unset it."
        )
    return int(text)
