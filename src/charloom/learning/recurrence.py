"""The compiled recurrent layers as functions that torch differentiates, on one thread of the CPU.

Axes: T steps, B streams, R streams filled up to whole tiles, H hidden units, G gates times H, V
symbols, S slots times H.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from charloom.arithmetic.layers import CELLS, SLOTS, forward, look_up
from charloom.arithmetic.tiles import ROWS, pack, pack_transposed, room
from charloom.learning import kernels
from charloom.settings import Cell

_Floats = NDArray[np.float32]


def run(
    cell: Cell,
    source: Tensor,
    ids_TB: Tensor | None,
    recurrent_GH: Tensor,
    recurrent_bias_H: Tensor | None,
    hidden_BH: Tensor,
    memory_BH: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Run a layer over T steps; return its hidden states, and the last hidden and cell state.

    With ``ids_TB``, ``source`` is a table (V, G) of which each symbol adds a row to the gates;
    without, it is what the input adds to the gates, (T, B, G). Biases are in it, but for gru's
    recurrent one. All tensors are float32. A graph is good for one backward pass.
    """
    if memory_BH is None:
        memory_BH = torch.zeros_like(hidden_BH)
    if recurrent_bias_H is None:
        recurrent_bias_H = hidden_BH.new_zeros(recurrent_GH.shape[1])
    outputs = _Recurrence.apply(  # type: ignore[no-untyped-call]
        cell, source, ids_TB, recurrent_GH, recurrent_bias_H, hidden_BH, memory_BH
    )
    hidden_TBH, last_BH, last_memory_BH = outputs
    return hidden_TBH, last_BH, last_memory_BH if cell == "lstm" else None


class _Recurrence(torch.autograd.Function):
    """layers.forward and kernels.backward."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: Cell,
        source: Tensor,
        ids_TB: Tensor | None,
        recurrent_GH: Tensor,
        recurrent_bias_H: Tensor,
        hidden_BH: Tensor,
        memory_BH: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        steps, streams = source.shape[:2] if ids_TB is None else ids_TB.shape
        rows, hidden = -(-streams // ROWS) * ROWS, recurrent_GH.shape[1]
        slots_TRS = room(steps, rows, SLOTS[cell] * hidden)
        slots_TRS[:, streams:] = 0
        if ids_TB is None:
            _fill(cell, torch.from_numpy(slots_TRS)[:, :streams], source)
        else:
            look_up(_array(source), ids_TB.numpy(), slots_TRS, CELLS[cell])
        states_TRH, memories_TRH = _states(hidden_BH, steps, rows), _states(memory_BH, steps, rows)
        weights_GH = _array(recurrent_GH)
        forward(
            CELLS[cell],
            slots_TRS,
            states_TRH,
            memories_TRH,
            _array(recurrent_bias_H),
            pack_transposed(weights_GH),
        )
        ctx.save_for_backward(recurrent_GH)
        ctx.kept = (cell, source.shape, ids_TB, slots_TRS, states_TRH, memories_TRH)
        hidden_TRH = torch.from_numpy(states_TRH)
        last_memory_BH = torch.from_numpy(memories_TRH[-1, :streams].copy())
        return hidden_TRH[1:, :streams], hidden_TRH[-1, :streams].clone(), last_memory_BH

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, given_TBH: Tensor, last_BH: Tensor, last_memory_BH: Tensor
    ) -> tuple[Tensor | None, ...]:
        (recurrent_GH,) = ctx.saved_tensors
        if ctx.kept is None:
            raise RuntimeError("the graph of a compiled layer is good for one backward pass")
        cell, shape, ids_TB, slots_TRS, states_TRH, memories_TRH = ctx.kept
        ctx.kept = None  # gradients are about to take the place of what was kept
        steps, streams, hidden = given_TBH.shape
        rows = slots_TRS.shape[1]
        given_TRH = given_TBH if rows == streams else given_TBH.new_zeros(steps, rows, hidden)
        if rows != streams:
            given_TRH[:, :streams] = given_TBH
        state_RH, memory_RH = _states(last_BH, 0, rows)[0], _states(last_memory_BH, 0, rows)[0]
        kernels.backward(
            CELLS[cell],
            slots_TRS,
            states_TRH,
            memories_TRH,
            _array(given_TRH),
            state_RH,
            memory_RH,
            pack(_array(recurrent_GH)),
        )
        gates = recurrent_GH.shape[0]
        slots_NS = torch.from_numpy(slots_TRS).view(steps * rows, -1)
        first = hidden if cell == "gru" else 0
        before_NH = torch.from_numpy(states_TRH)[:-1].view(steps * rows, hidden)
        recurrent_grad_GH = slots_NS[:, first : first + gates].t() @ before_NH
        bias_grad_H = slots_NS[:, 3 * hidden :].sum(0) if cell == "gru" else None
        if ids_TB is None:
            source_grad = _gathered(cell, torch.from_numpy(slots_TRS)[:, :streams], gates)
        else:
            source_grad = torch.zeros(shape)
            kernels.add_up(source_grad.numpy(), ids_TB.numpy(), slots_TRS, CELLS[cell])
        state_BH, memory_BH = (torch.from_numpy(g[:streams]) for g in (state_RH, memory_RH))
        return None, source_grad, None, recurrent_grad_GH, bias_grad_H, state_BH, memory_BH


def _array(tensor: Tensor) -> _Floats:
    """Return the values of a tensor, in the order of its axes."""
    array: _Floats = tensor.detach().contiguous().numpy()
    return array


def _states(first_BH: Tensor, steps: int, rows: int) -> _Floats:
    """Return room for the states of so many steps behind a first one, (T + 1, R, H)."""
    streams, hidden = first_BH.shape
    states_TRH = room(steps + 1, rows, hidden)
    states_TRH[0, :streams] = _array(first_BH)
    states_TRH[0, streams:] = 0
    return states_TRH


def _fill(cell: Cell, slots_TBS: Tensor, gates_TBG: Tensor) -> None:
    """Write what the input adds to the gates into the slots (see arithmetic/layers.py)."""
    gates = gates_TBG.shape[2]
    if cell == "gru":
        hidden = gates // 3
        slots_TBS[..., :hidden] = gates_TBG[..., 2 * hidden :]
        slots_TBS[..., hidden:gates] = gates_TBG[..., : 2 * hidden]
    else:
        slots_TBS[..., :gates] = gates_TBG


def _gathered(cell: Cell, slots_TBS: Tensor, gates: int) -> Tensor:
    """Return the gradients of what the input added to the gates, (T, B, G)."""
    if cell == "gru":
        hidden = gates // 3
        return torch.cat([slots_TBS[..., hidden:gates], slots_TBS[..., :hidden]], dim=2)
    return slots_TBS[..., :gates]
