"""The trainable network as a torch module: input, recurrent layers, output layer.

Axes: T time steps, B sequences, V vocabulary, E embedding, H hidden units, L layers, N labels (N
unpadded positions in ``masked_logits``), K dropout masks. Names and axes of the parameters are
those of the model folder (docs/model-folder.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from charloom.network.autograd.dropout import NO_DROPOUT, DropoutMask
from charloom.network.autograd.layers import Layer
from charloom.network.dropout import output_masks
from charloom.settings import NetworkSettings


@dataclasses.dataclass(frozen=True)
class State:
    """Hidden and cell states between two minibatches, or two symbols."""

    hidden_LBH: Tensor
    cell_LBH: Tensor | None
    """The cell state; None except for lstm."""

    def detach(self) -> State:
        """Return the state without its graph: backpropagation through time stops here."""
        cell_LBH = self.cell_LBH
        return State(self.hidden_LBH.detach(), None if cell_LBH is None else cell_LBH.detach())

    def first_sequences(self, count: int) -> State:
        """Return the states of the first ``count`` sequences."""
        cell_LBH = self.cell_LBH
        return State(self.hidden_LBH[:, :count], None if cell_LBH is None else cell_LBH[:, :count])


class _LabelStates(nn.Module):
    """Trainable initial states, (N, L, H)."""

    def __init__(self, labels: int, settings: NetworkSettings) -> None:
        super().__init__()
        shape = (labels, settings.layers, settings.hidden)
        self.hidden = nn.Parameter(torch.empty(shape))
        if settings.cell == "lstm":
            self.cell = nn.Parameter(torch.empty(shape))


class Network(nn.Module):
    """A recurrent network over a vocabulary, optionally with labels.

    ``load`` sets the parameters, which are not initialized.
    """

    def __init__(self, settings: NetworkSettings, vocabulary_size: int, labels: int = 0) -> None:
        super().__init__()
        self.settings = settings
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

    def initial_state(self, labels_B: Tensor) -> State:
        """Return the state before the first symbol of B documents.

        ``labels_B`` holds label ids. The state of -1, no label, is zero.
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
        self, ids_TB: Tensor, state: State, mask: DropoutMask = NO_DROPOUT
    ) -> tuple[Tensor, State]:
        """Return the last layer's hidden states (T, B, H) and the state after T symbols.

        ``mask`` is applied between layers. Dropout before the output is part of ``masked_logits``.
        """
        hidden, cells = list[Tensor](), list[Tensor]()
        x = ids_TB
        for depth in range(len(self.cells)):
            cell_BH = None if state.cell_LBH is None else state.cell_LBH[depth].contiguous()
            hidden_BH = state.hidden_LBH[depth].contiguous()
            x, last, last_cell = self._forward_layer(depth, x, hidden_BH, cell_BH, mask)
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
        mask: DropoutMask,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Run one layer over ids (T, B) at depth 0, else over the lower layer's states."""
        layer = self.cells[depth]
        assert isinstance(layer, Layer)
        if depth:
            (x,) = mask.apply(x, depth)
            return layer.forward(x, hidden_BH, cell_BH)
        if layer.one_hot:
            return layer.forward(x, hidden_BH, cell_BH)
        # Project each symbol once instead of each position, if there are fewer symbols.
        if len(self.embedding.weight) <= x.numel():
            table_VG = layer.input_gates(self.embedding.weight)
            return layer.forward_table(table_VG, x, hidden_BH, cell_BH)
        return layer.forward(self.embedding(x), hidden_BH, cell_BH)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of the next symbol, (..., V), for hidden states (..., H)."""
        logits: Tensor = self.output(hidden)
        return logits

    def masked_logits(self, hidden_NH: Tensor, mask: DropoutMask) -> Tensor:
        """Return the logits under K dropout masks, (K, N, V); K is 1 without dropout."""
        masks = output_masks(self.settings, len(self.output.bias), mask.dropout)
        return self.logits(mask.apply(hidden_NH, len(self.cells), masks))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return a float32 copy of the parameters by their names in the model folder."""
        return {
            name: value.detach().to("cpu", torch.float32).numpy().copy()
            for name, value in self.named_parameters()
        }

    def load(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """Set all parameters to those returned by ``tensors``."""
        self.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
