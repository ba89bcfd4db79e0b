"""The compiled loop that scores a batch of documents symbol by symbol.

It computes in float32 on one thread. The result of a document does not depend on the other
documents of its batch.

Axes: see scorer_arguments.py.
"""

from typing import Any, Final

import numba
import numpy as np

from charloom.network.kernels.exact_compiled import exp
from charloom.network.kernels.forward import FORWARD, LayerStates, kernel
from charloom.network.kernels.gemm_fp32 import padded_rows
from charloom.network.kernels.packed_bf16 import add_product
from charloom.settings import Cell

_FORWARD_LSTM, _FORWARD_GRU, _FORWARD_RNN = FORWARD["lstm"], FORWARD["gru"], FORWARD["rnn"]


@numba.njit(inline="always")
def _score(forward, weights, targets_N, rows, buffers, scores, steps):
    position_R, remaining_R, input_R = rows.position_R, rows.remaining_R, rows.input_R
    hidden_L2RH, cell_L2RH = buffers.hidden_L2RH, buffers.cell_L2RH
    activations_1RS, logits_RV = buffers.activations_1RS, buffers.logits_RV
    table_VG, bias_LG = weights.table_VG, weights.bias_LG
    output_bias_V = weights.output_bias_V
    nats_N, correct_N, logits_NV = scores.nats_N, scores.correct_N, scores.logits_NV
    L, _, R, H = hidden_L2RH.shape
    active = R
    for t in range(steps):
        while remaining_R[active - 1] <= t:
            active -= 1
        rows_padded = padded_rows(active)
        for k in range(L):
            for r in range(active):
                row_G = table_VG[input_R[r]] if k == 0 else bias_LG[k - 1]
                row_S = activations_1RS[0, r]
                for j in range(len(row_G)):
                    row_S[j] = row_G[j]
            if k:
                lower_RH = hidden_L2RH[k - 1, 1, :rows_padded]
                add_product(activations_1RS[0, :rows_padded], lower_RH, weights.input_L[k - 1])
            forward(
                LayerStates(activations_1RS, hidden_L2RH[k], cell_L2RH[k]),
                weights.recurrent_bias_LH[k],
                weights.recurrent_L[k],
                None,
            )
        for r in range(active):
            logits_V = logits_RV[r]
            for j in range(len(output_bias_V)):
                logits_V[j] = output_bias_V[j]
        top_RH = hidden_L2RH[L - 1, 1, :rows_padded]
        add_product(logits_RV[:rows_padded], top_RH, weights.output)
        for r in range(active):
            n = position_R[r] + t
            input_R[r] = targets_N[n]
            nats_N[n], correct_N[n] = _surprisal(logits_RV[r], input_R[r])
            if len(logits_NV):
                _copy(logits_NV[n], logits_RV[r])
            for k in range(L):
                for j in range(H):
                    hidden_L2RH[k, 0, r, j] = hidden_L2RH[k, 1, r, j]
                    cell_L2RH[k, 0, r, j] = cell_L2RH[k, 1, r, j]


@numba.njit(inline="always")
def _copy(target_V, source_V):
    for j in range(len(target_V)):
        target_V[j] = source_V[j]


@kernel
def _score_lstm(weights, targets_N, rows, buffers, scores, steps):
    _score(_FORWARD_LSTM, weights, targets_N, rows, buffers, scores, steps)


@kernel
def _score_gru(weights, targets_N, rows, buffers, scores, steps):
    _score(_FORWARD_GRU, weights, targets_N, rows, buffers, scores, steps)


@kernel
def _score_rnn(weights, targets_N, rows, buffers, scores, steps):
    _score(_FORWARD_RNN, weights, targets_N, rows, buffers, scores, steps)


SCORE: Final[dict[Cell, Any]] = {"lstm": _score_lstm, "gru": _score_gru, "rnn": _score_rnn}
"""Functions that score up to ``steps`` targets of each row and write them to ``scores``.

    SCORE[cell](weights, targets_N, rows, buffers, scores, steps)

``weights`` is a ScorerWeights, ``rows`` a BatchRows, ``buffers`` a BatchBuffers and ``scores`` a
TargetScores.
"""


@kernel
def _surprisal(logits_V, target):
    """Return -log(softmax(logits)) of the target and whether it is the first maximum."""
    highest = logits_V[0]
    for j in range(len(logits_V)):
        highest = max(highest, logits_V[j])
    total = np.float32(0)
    for j in range(len(logits_V)):
        total += exp(logits_V[j] - highest)
    is_first_maximum = logits_V[target] == highest
    for j in range(target):
        is_first_maximum = is_first_maximum and logits_V[j] < highest
    return np.log(total) - (logits_V[target] - highest), is_first_maximum
