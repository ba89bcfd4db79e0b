"""Hidden states of a minibatch, gathered from shards and scattered to them.

Of R processes, process r has the sequences r, r + R, r + 2 R ... of the minibatch. Its P shards
divide these in the same way.

Axes: L layers, B sequences, H hidden units.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from charloom.network.autograd.module import State
from charloom.training.distributed.launch import ProcessInfo

States = list[State]
"""One state for each shard that has sequences."""
GatheredStates = Mapping[str, Tensor | None]
"""``hidden_LBH`` and ``cell_LBH`` of all sequences, in the order of the minibatch."""


def gather_states(states: States, shards: int) -> dict[str, Tensor | None]:
    """Return the states of one or more shards, out of ``shards``, as one."""
    cells = [state.cell_LBH for state in states if state.cell_LBH is not None]
    return {
        "hidden_LBH": _interleave([state.hidden_LBH for state in states], shards),
        "cell_LBH": _interleave(cells, shards) if cells else None,
    }


def scatter_states(
    whole: GatheredStates, shards: int, *, process: ProcessInfo, device: torch.device
) -> States:
    """Return the states of a process' shards; fewer if there are fewer sequences."""
    hidden_LBH, cell_LBH = whole["hidden_LBH"], whole["cell_LBH"]
    if hidden_LBH is None:
        return []
    hidden_LBH = hidden_LBH[:, process.rank :: process.world_size]
    if cell_LBH is not None:
        cell_LBH = cell_LBH[:, process.rank :: process.world_size]
    return [
        State(
            hidden_LBH[:, shard::shards].contiguous().to(device),
            None if cell_LBH is None else cell_LBH[:, shard::shards].contiguous().to(device),
        )
        for shard in range(min(shards, hidden_LBH.shape[1]))
    ]


def _interleave(shard_states: list[Tensor], shards: int) -> Tensor:
    layers, _, hidden = shard_states[0].shape
    sequences = sum(state_LBH.shape[1] for state_LBH in shard_states)
    whole_LBH = shard_states[0].new_empty(layers, sequences, hidden)
    for shard, state_LBH in enumerate(shard_states):
        whole_LBH[:, shard::shards] = state_LBH
    return whole_LBH
