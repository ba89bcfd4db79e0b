"""The recurrent cells: one layer over T steps, as fused kernels or, for one-hot input, by look-up.

Axes: T steps, B streams, I inputs, H hidden units, G gates (lstm 4, gru 3, rnn 1), V symbols.

Sources of the formulae: LSTM, Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al.
2000; GRU, Cho et al. 2014 in the form where the reset gate multiplies the recurrent product (the
form of cuDNN); simple RNN, Elman 1990, with tanh.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from charloom.settings import Cell

GATES: Final[dict[Cell, int]] = {"lstm": 4, "gru": 3, "rnn": 1}


class Layer(nn.Module):
    """One recurrent layer.

    With ``symbols`` the layer reads ids, and each id adds a row of ``input_table`` to the gates:
    what a matrix times a one-hot vector gives, without the product. Otherwise it reads vectors.
    Gates are stacked in the order i, f, g, o (lstm) or r, z, n (gru).
    """

    def __init__(self, cell: Cell, inputs: int, hidden: int, *, symbols: bool) -> None:
        super().__init__()
        self.cell: Cell = cell
        gates = GATES[cell] * hidden
        if symbols:
            self.input_table = nn.Parameter(torch.empty(inputs, gates))
        else:
            self.input_weight = nn.Parameter(torch.empty(gates, inputs))
        self.recurrent_weight = nn.Parameter(torch.empty(gates, hidden))
        self.bias = nn.Parameter(torch.empty(gates))
        if cell == "gru":
            self.recurrent_bias = nn.Parameter(torch.empty(hidden))
        self.reads_symbols = symbols
        self._start()

    def _start(self) -> None:
        """Set the first weights: orthogonal recurrence per gate, forget gates open, rest uniform.

        The bound 1 / sqrt(inputs) gives a vector of normal inputs, an embedding, the same effect on
        the gates as one row of a table within 1.
        """
        hidden = self.recurrent_weight.shape[1]
        if self.reads_symbols:
            nn.init.uniform_(self.input_table, -1, 1)
        else:
            bound = 1 / math.sqrt(self.input_weight.shape[1])
            nn.init.uniform_(self.input_weight, -bound, bound)
        for gate in self.recurrent_weight.data.split(hidden):
            nn.init.orthogonal_(gate)
        nn.init.zeros_(self.bias)
        if self.cell == "lstm":
            nn.init.ones_(self.bias.data[hidden : 2 * hidden])
        if self.cell == "gru":
            nn.init.zeros_(self.recurrent_bias)

    def forward(
        self, inputs: Tensor, hidden_BH: Tensor, cell_BH: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Read T steps.

        ``inputs`` is (T, B) ids or (T, B, I) vectors. Returns the hidden states (T, B, H), and the
        last hidden and cell state (B, H); the cell state is None but for lstm.
        """
        if self.reads_symbols:
            return self._unroll(inputs, hidden_BH, cell_BH)
        hidden = hidden_BH.unsqueeze(0)
        weights = [self.input_weight, self.recurrent_weight, self.bias, self._second_bias()]
        # has_biases, layers, dropout, train, bidirectional, batch_first
        options = (True, 1, 0.0, self.training, False, False)
        if self.cell == "lstm":
            assert cell_BH is not None
            states = (hidden, cell_BH.unsqueeze(0))
            outputs_TBH, last, last_cell = torch.lstm(inputs, states, weights, *options)
            return outputs_TBH, last.squeeze(0), last_cell.squeeze(0)
        run = torch.gru if self.cell == "gru" else torch.rnn_tanh
        outputs_TBH, last = run(inputs, hidden, weights, *options)
        return outputs_TBH, last.squeeze(0), None

    def _second_bias(self) -> Tensor:
        """Return the bias beside the recurrent product that the fused kernels also want, (G*H,)."""
        zeros = torch.zeros_like(self.bias)
        if self.cell != "gru":
            return zeros
        hidden = self.recurrent_bias.shape[0]
        return torch.cat([zeros[: 2 * hidden], self.recurrent_bias])

    def _unroll(
        self, ids_TB: Tensor, hidden_BH: Tensor, cell_BH: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        gates_TBG = functional.embedding(ids_TB, self.input_table) + self.bias
        outputs = []
        for gates_BG in gates_TBG.unbind(0):
            hidden_BH, cell_BH = self._step(gates_BG, hidden_BH, cell_BH)
            outputs.append(hidden_BH)
        return torch.stack(outputs), hidden_BH, cell_BH

    def _step(
        self, gates_BG: Tensor, hidden_BH: Tensor, cell_BH: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Advance one step, given what the input and the bias add to the gates."""
        if self.cell == "gru":
            return self._gru_step(gates_BG, hidden_BH), None
        gates_BG = gates_BG + functional.linear(hidden_BH, self.recurrent_weight)
        if self.cell == "rnn":
            return gates_BG.tanh(), None
        assert cell_BH is not None
        in_BH, forget_BH, new_BH, out_BH = gates_BG.chunk(4, dim=1)
        cell_BH = forget_BH.sigmoid() * cell_BH + in_BH.sigmoid() * new_BH.tanh()
        return out_BH.sigmoid() * cell_BH.tanh(), cell_BH

    def _gru_step(self, gates_BG: Tensor, hidden_BH: Tensor) -> Tensor:
        recurrent_BG = functional.linear(hidden_BH, self.recurrent_weight)
        reset_BH, update_BH, new_BH = gates_BG.chunk(3, dim=1)
        reset_r_BH, update_r_BH, new_r_BH = recurrent_BG.chunk(3, dim=1)
        reset_BH = (reset_BH + reset_r_BH).sigmoid()
        update_BH = (update_BH + update_r_BH).sigmoid()
        new_BH = (new_BH + reset_BH * (new_r_BH + self.recurrent_bias)).tanh()
        return (1 - update_BH) * new_BH + update_BH * hidden_BH
