"""Hidden states of a minibatch, gathered from shards and scattered to them.

Of R processes, process r has the sequences r, r + R, r + 2 R ... of the minibatch. Its P shards
divide these in the same way.

Axes: L layers, B sequences, H hidden units.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from charloom.network.parameters import Floats
from charloom.network.reference import State
from charloom.settings import NetworkSettings
from charloom.training.distributed.launch import ProcessInfo

GatheredStates = Mapping[str, Floats | None]
"""``hidden_LBH`` and ``cell_LBH`` of all sequences, in the order of the minibatch."""


def gather_states(states: Sequence[State], shards: int) -> GatheredStates:
    """Return the states of one or more shards, out of ``shards``, as one."""
    cells = [state.cell for state in states if state.cell is not None]
    return {
        "hidden_LBH": _interleave([state.hidden for state in states], shards),
        "cell_LBH": _interleave(cells, shards) if cells else None,
    }


def scatter_states(whole: GatheredStates, shards: int, process: ProcessInfo) -> list[State]:
    """Return the states of a process' shards; fewer if there are fewer sequences."""
    hidden_LBH, cell_LBH = whole["hidden_LBH"], whole["cell_LBH"]
    if hidden_LBH is None:
        return []
    hidden_LBH = hidden_LBH[:, process.rank :: process.world_size]
    if cell_LBH is not None:
        cell_LBH = cell_LBH[:, process.rank :: process.world_size]
    return [
        State(
            hidden=np.ascontiguousarray(hidden_LBH[:, shard::shards]),
            cell=None if cell_LBH is None else np.ascontiguousarray(cell_LBH[:, shard::shards]),
        )
        for shard in range(min(shards, hidden_LBH.shape[1]))
    ]


def no_states(settings: NetworkSettings) -> GatheredStates:
    """Return the states of a process that has no sequences."""
    empty_L0H = np.zeros((settings.layers, 0, settings.hidden), np.float32)
    return {"hidden_LBH": empty_L0H, "cell_LBH": empty_L0H if settings.cell == "lstm" else None}


def _interleave(shard_states: Sequence[Floats], shards: int) -> Floats:
    layers, _, hidden = shard_states[0].shape
    sequences = sum(state_LBH.shape[1] for state_LBH in shard_states)
    whole_LBH = np.empty((layers, sequences, hidden), np.float32)
    for shard, state_LBH in enumerate(shard_states):
        whole_LBH[:, shard::shards] = state_LBH
    return whole_LBH
