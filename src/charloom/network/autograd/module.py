"""The network that learns: input, a stack of recurrent layers, projection to logits.

Axes: T steps, B streams, V symbols, E embedding, H hidden units, L layers, N labels. The
parameters' names and axes are those of the model folder (docs/model-folder.md).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from charloom.network.autograd.layers import GATES, Layer
from charloom.network.backprop.dropout import mask_count, stratified_dropout
from charloom.settings import NetworkSettings


@dataclasses.dataclass(frozen=True)
class State:
    """What the network carries from one symbol to the next."""

    hidden_LBH: Tensor
    cell_LBH: Tensor | None
    """The cell state; None but for lstm."""

    def detach(self) -> State:
        """Return the state cut off from the graph: where backpropagation through time ends."""
        cell_LBH = self.cell_LBH
        return State(self.hidden_LBH.detach(), None if cell_LBH is None else cell_LBH.detach())

    def first_sequences(self, count: int) -> State:
        """Return the state of the first ``streams`` streams."""
        cell_LBH = self.cell_LBH
        return State(self.hidden_LBH[:, :count], None if cell_LBH is None else cell_LBH[:, :count])


class _LabelStates(nn.Module):
    """An initial state for each label."""

    def __init__(self, labels: int, settings: NetworkSettings) -> None:
        super().__init__()
        shape = (labels, settings.layers, settings.hidden)
        self.hidden = nn.Parameter(torch.empty(shape).uniform_(-0.1, 0.1))
        if settings.cell == "lstm":
            self.cell = nn.Parameter(torch.empty(shape).uniform_(-0.1, 0.1))


class Network(nn.Module):
    """A generative recurrent network over ``symbols`` ids and, optionally, ``labels`` labels."""

    def __init__(self, settings: NetworkSettings, vocabulary_size: int, labels: int = 0) -> None:
        super().__init__()
        self.settings = settings
        self.dropout = settings.dropout
        """Share of values that are dropped while learning; who trains may change it."""
        one_hot = settings.input == "one-hot"
        width = vocabulary_size if isinstance(settings.input, str) else settings.input
        if not one_hot:
            self.embedding = nn.Embedding(vocabulary_size, width)
        widths = [width] + [settings.hidden] * (settings.layers - 1)
        self.cells = nn.ModuleList(
            Layer(settings.cell, inputs, settings.hidden, one_hot=one_hot and depth == 0)
            for depth, inputs in enumerate(widths)
        )
        if labels:
            self.labels = _LabelStates(labels, settings)
        self.output = nn.Linear(settings.hidden, vocabulary_size)
        # All symbols are equally likely at first: nothing has to be unlearned.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def initial_state(self, labels_B: Tensor) -> State:
        """Return the initial state of B texts.

        ``labels_B`` holds label ids; -1 is no label, and its state is zero.
        """
        shape = (self.settings.layers, len(labels_B), self.settings.hidden)
        if not hasattr(self, "labels"):
            zeros = self.output.weight.new_zeros(shape)
            return State(zeros, zeros if self.settings.cell == "lstm" else None)
        known_B11 = (labels_B >= 0).to(self.output.weight.dtype)[:, None, None]
        rows_B = labels_B.clamp(min=0)
        hidden_LBH = (self.labels.hidden[rows_B] * known_B11).transpose(0, 1)
        if self.settings.cell != "lstm":
            return State(hidden_LBH, None)
        return State(hidden_LBH, (self.labels.cell[rows_B] * known_B11).transpose(0, 1))

    def forward(
        self, ids_TB: Tensor, state: State, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Read T symbols of B streams; return the top hidden states (T, B, H) and the new state.

        Dropout between layers draws from ``chance``, or from torch's own generator; that before the
        output is left to ``logits_of_masks``.
        """
        hidden, cells = list[Tensor](), list[Tensor]()
        x = ids_TB
        for depth in range(len(self.cells)):
            cell_BH = None if state.cell_LBH is None else state.cell_LBH[depth].contiguous()
            hidden_BH = state.hidden_LBH[depth].contiguous()
            x, last, last_cell = self._forward_layer(depth, x, hidden_BH, cell_BH, generator)
            hidden.append(last)
            if last_cell is not None:
                cells.append(last_cell)
        new_cells = torch.stack(cells) if cells else None
        return x, State(torch.stack(hidden), new_cells)

    def _forward_layer(
        self,
        depth: int,
        x: Tensor,
        hidden_BH: Tensor,
        cell_BH: Tensor | None,
        generator: torch.Generator | None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Run one layer over ids (T, B), if it is the first, or over what the one below gave."""
        layer = self.cells[depth]
        assert isinstance(layer, Layer)
        if depth:
            if self.training and self.dropout:
                (x,) = stratified_dropout(x, self.dropout, generator)
            return layer.forward(x, hidden_BH, cell_BH)
        if layer.one_hot:
            return layer.forward(x, hidden_BH, cell_BH)
        # What a symbol adds to the gates is computed once a minibatch, not once for each place.
        if len(self.embedding.weight) <= x.numel():
            table_VG = layer.input_gates(self.embedding.weight)
            return layer.forward_table(table_VG, x, hidden_BH, cell_BH)
        return layer.forward(self.embedding(x), hidden_BH, cell_BH)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (..., V) of the next symbol, from top hidden states (..., H)."""
        logits: Tensor = self.output(hidden)
        return logits

    def masked_logits(self, hidden_NH: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the logits (K, N, V) under K masks of dropout, which draws as in ``forward``.

        Where nothing is dropped, K is 1.
        """
        share, count = self.output_dropout()
        if share == 0:
            return self.logits(hidden_NH).unsqueeze(0)
        return self.logits(stratified_dropout(hidden_NH, share, generator, count))

    def output_dropout(self) -> tuple[float, int]:
        """Return the share that is dropped before the output, and under how many masks.

        Nothing is dropped where the network does not learn.
        """
        if not self.training or self.dropout == 0:
            return 0.0, 1
        shape = self.settings
        # What the output multiplies, for each multiplication of the recurrent layers.
        recurrent = GATES[shape.cell] * shape.hidden * (2 * shape.layers - 1)
        return self.dropout, mask_count(self.dropout, len(self.output.bias) / recurrent)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return a copy of the weights by their names in the model folder."""
        return {
            name: value.detach().to("cpu", torch.float32).numpy().copy()
            for name, value in self.named_parameters()
        }

    def load(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """Take the weights that ``tensors`` gave."""
        self.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})

    def parameter_counts(self) -> list[tuple[str, int]]:
        """Return each part's name and number of parameters, in the order of the data."""
        part = {name: value.numel() for name, value in self.named_parameters()}
        groups = itertools.groupby(part, key=lambda name: name.rsplit(".", 1)[0])
        return [(group, sum(part[name] for name in names)) for group, names in groups]
