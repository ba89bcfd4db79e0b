"""Which of the processes of a training this is, by the environment variables that torchrun sets."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Final

from charloom.errors import SettingsError

RANK_VARIABLES: Final = ("RANK", "WORLD_SIZE")
"""Variables that tell of several processes, when both are set."""
RENDEZVOUS_VARIABLES: Final = ("MASTER_ADDR", "MASTER_PORT")
"""Variables that say where the processes meet."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessInfo:
    """The place of this process among those of one training; by default it is the only one."""

    rank: int = 0
    """Number of the process, from 0; process 0 alone writes."""
    world_size: int = 1
    """How many processes there are."""
    local_rank: int = 0
    """Number of the process on its host, from 0."""
    local_world_size: int = 1
    """How many processes there are on the host."""
    host: int = 0
    """Number of the host, from 0."""


SINGLE_PROCESS: Final = ProcessInfo()


def process_info_from_torchrun(environment: Mapping[str, str] = os.environ) -> ProcessInfo:
    """Return the place that torchrun gave this process; ALONE if nothing tells of others.

    Raises SettingsError for variables that contradict each other.
    """
    if not all(name in environment for name in RANK_VARIABLES):
        return SINGLE_PROCESS
    rank, world = (_whole(environment, name) for name in RANK_VARIABLES)
    if rank >= world:
        raise SettingsError(
            f"the environment has RANK {rank} and WORLD_SIZE {world}; ranks are 0 to "
            f"{world - 1}: start the processes with torchrun, or unset both."
        )
    if world == 1:
        return SINGLE_PROCESS
    missing = [name for name in RENDEZVOUS_VARIABLES if name not in environment]
    if missing:
        raise SettingsError(
            f"the environment has RANK and WORLD_SIZE but no {missing[0]}, where the processes "
            "meet: start them with torchrun, or unset both."
        )
    return ProcessInfo(
        rank=rank,
        world_size=world,
        local_rank=_whole(environment, "LOCAL_RANK", rank),
        local_world_size=_whole(environment, "LOCAL_WORLD_SIZE", world),
        host=_whole(environment, "GROUP_RANK", 0),
    )


def _whole(environment: Mapping[str, str], name: str, default: int = 0) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal():
        raise SettingsError(
            f"the environment variable {name} is {text!r}; torchrun sets it to a whole number: "
            "start the processes with torchrun, or unset it."
        )
    return int(text)
