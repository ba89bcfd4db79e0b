"""The random generators of dropout, one for each shard of a minibatch."""

from collections.abc import Mapping
from typing import Any, Final

import torch

from charloom.training.distributed.launch import ProcessInfo

MAX_SHARDS: Final = 1 << 16
"""Distance between the seeds of two processes; no process has as many shards."""
_STEP_STRIDE: Final = 1_000_003
"""Distance between the seeds of two steps."""


class ShardGenerators:
    """One generator for each shard, seeded with ``seed``, ``seed + 1`` and so on.

    One process keeps its generators running and saves them in checkpoints. Several processes seed
    theirs anew at each step, so a checkpoint does not need the states of all of them.
    """

    def __init__(
        self, shards: int, *, device: torch.device, seed: int, process: ProcessInfo
    ) -> None:
        self._device = device
        self._seed = seed
        self._process = process
        self._generators = [
            torch.Generator(device).manual_seed(seed + shard) for shard in range(shards)
        ]

    def begin_step(self, step: int) -> None:
        """Seed the generators for the next step, if there are several processes.

        ``step`` is the number of steps taken before.
        """
        if self._process.world_size > 1:
            first_seed = self._seed + self._process.rank * MAX_SHARDS + _STEP_STRIDE * step
            for shard, generator in enumerate(self._generators):
                generator.manual_seed((first_seed + shard) % 2**63)

    def generator(self, shard: int) -> torch.Generator | None:
        """Return the generator of a shard.

        Returns None, which is torch's global generator, for the only shard of a single process.
        """
        if len(self._generators) == 1 and self._process.world_size == 1:
            return None
        return self._generators[shard]

    def state_dict(self) -> dict[str, Any]:
        """Return the states of torch's global generators and of those of the shards."""
        # The keys are those of checkpoints.
        return {
            "torch": _global_states(self._device),
            "chances": [generator.get_state() for generator in self._generators],
        }

    def load_state_dict(self, state: Mapping[str, Any], step: int) -> None:
        """Restore a result of ``state_dict``, which was saved after ``step`` steps.

        If the number of shards or the kind of device differs, the shards' generators are seeded
        from the step instead.
        """
        _restore_global_states(self._device, state["torch"])
        states = state["chances"]
        same_shards = len(states) == len(self._generators)
        for shard, generator in enumerate(self._generators):
            if same_shards and states[shard].shape == generator.get_state().shape:
                generator.set_state(states[shard])
            else:
                generator.manual_seed((self._seed + _STEP_STRIDE * step + shard) % 2**63)


def _global_states(device: torch.device) -> dict[str, torch.Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def _restore_global_states(device: torch.device, states: Mapping[str, torch.Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
