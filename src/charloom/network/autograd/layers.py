"""One recurrent layer over T time steps, by torch's fused kernels.

The equations and their sources are those of ``network.reference``. torch's GRU is the reset-after
variant, which needs a second bias for the candidate only.

Axes: T time steps, B sequences, I inputs, H hidden units, G gates times H (lstm 4, gru 3, rnn 1),
V vocabulary.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from charloom.network.reference import GATE_COUNTS
from charloom.settings import Cell


class Layer(nn.Module):
    """One recurrent layer; its parameters are not initialized.

    With ``one_hot`` the inputs are ids, and each adds its row of ``input_table`` (V, G) to the
    gates: the product of a matrix and a one-hot vector without the multiplication. Otherwise they
    are vectors with an ``input_weight`` (G, I). Gates are stacked in the order i, f, g, o (lstm) or
    r, z, n (gru).
    """

    def __init__(self, cell: Cell, inputs: int, hidden: int, *, one_hot: bool) -> None:
        super().__init__()
        self.cell: Cell = cell
        gates = GATE_COUNTS[cell] * hidden
        if one_hot:
            self.input_table = nn.Parameter(torch.empty(inputs, gates))
        else:
            self.input_weight = nn.Parameter(torch.empty(gates, inputs))
        self.recurrent_weight = nn.Parameter(torch.empty(gates, hidden))
        self.bias = nn.Parameter(torch.empty(gates))
        if cell == "gru":
            self.recurrent_bias = nn.Parameter(torch.empty(hidden))
        self.one_hot = one_hot

    def forward(
        self, inputs: Tensor, hidden_BH: Tensor, cell_BH: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the hidden states (T, B, H), and the last hidden and cell state (B, H).

        ``inputs`` are ids (T, B) or vectors (T, B, I). The cell state is None except for lstm.
        """
        if self.one_hot:
            return self.forward_table(self.input_table + self.bias, inputs, hidden_BH, cell_BH)
        return self._fused(inputs, self.input_weight, self.bias, hidden_BH, cell_BH)

    def input_gates(self, inputs: Tensor) -> Tensor:
        """Return the contribution of vectors (..., I) to the gates, (..., G), with bias."""
        return functional.linear(inputs, self.input_weight, self.bias)

    def forward_table(
        self, table_VG: Tensor, ids_TB: Tensor, hidden_BH: Tensor, cell_BH: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the states as ``forward`` does; ids look up rows of ``table_VG``.

        The table includes the bias.
        """
        # The fused kernels need vectors and an input weight: a unit matrix passes the rows through.
        unit_GG = torch.eye(table_VG.shape[1], dtype=table_VG.dtype, device=table_VG.device)
        gates_TBG = functional.embedding(ids_TB, table_VG)
        return self._fused(gates_TBG, unit_GG, torch.zeros_like(self.bias), hidden_BH, cell_BH)

    def _fused(
        self,
        inputs_TBI: Tensor,
        weight_GI: Tensor,
        bias_G: Tensor,
        hidden_BH: Tensor,
        cell_BH: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        hidden = hidden_BH.unsqueeze(0)
        weights = [weight_GI, self.recurrent_weight, bias_G, self._fused_recurrent_bias()]
        # has_biases, layers, dropout, train, bidirectional, batch_first
        options = (True, 1, 0.0, self.training, False, False)
        if self.cell == "lstm":
            assert cell_BH is not None
            states = (hidden, cell_BH.unsqueeze(0))
            outputs_TBH, last, last_cell = torch.lstm(inputs_TBI, states, weights, *options)
            return outputs_TBH, last.squeeze(0), last_cell.squeeze(0)
        fused = torch.gru if self.cell == "gru" else torch.rnn_tanh
        outputs_TBH, last = fused(inputs_TBI, hidden, weights, *options)
        return outputs_TBH, last.squeeze(0), None

    def _fused_recurrent_bias(self) -> Tensor:
        """Return the fused kernels' recurrent bias, (G,): zeros except gru's candidate."""
        zeros = torch.zeros_like(self.bias)
        if self.cell != "gru":
            return zeros
        hidden = self.recurrent_bias.shape[0]
        return torch.cat([zeros[: 2 * hidden], self.recurrent_bias])
