"""Score one batch of documents on one thread. Importing this loads Numba.

Axes: N targets of all documents, R rows (documents of the batch), L layers, H hidden units,
G gates times H, S activations times H, V symbols. The axis of length 2 is hidden and cell state.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from charloom.evaluation.scorer_arguments import (
    BatchBuffers,
    BatchRows,
    Packed,
    ScorerWeights,
    TargetScores,
)
from charloom.evaluation.symbol_scorer_kernel import SCORE
from charloom.network.engine import EngineWeights
from charloom.network.kernels import gemm_fp32, packed_bf16
from charloom.network.kernels.forward import ACTIVATION_COUNTS
from charloom.network.kernels.gemm_fp32 import TILE_ROWS, empty_padded, padded_rows
from charloom.network.kernels.packed_bf16 import is_bf16
from charloom.settings import Cell

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class BatchScorer:
    """Scores batches with one network. Threads may share a scorer."""

    def __init__(self, cell: Cell, weights: EngineWeights) -> None:
        self._activations = ACTIVATION_COUNTS[cell]
        self._score_batch = SCORE[cell]
        self._weights = _pack_weights(cell, weights, _pack_fp32)
        self._weights_of_one: ScorerWeights | None = None
        """For batches of one row, which read all weights for every symbol; None if they are not
        bfloat16."""
        if all(map(is_bf16, (weights.input_LHG, weights.recurrent_LHG, weights.output_HV))):
            self._weights_of_one = _pack_weights(cell, weights, packed_bf16.pack)

    def score(
        self,
        targets_N: Ids,
        rows: BatchRows,
        states_2LRH: Floats,
        scores: TargetScores,
    ) -> Floats:
        """Write the scores of all targets of a batch; return the final states.

        The states are (2, L, R, H). Rows are sorted by their number of targets, longest first, and
        each has at least one.
        """
        final_2LRH = np.array(states_2LRH, order="C")
        active = len(rows.remaining_R)
        while active:
            # Continue in fewer rows whenever half of the documents have ended.
            steps = int(rows.remaining_R[active // 2 if active > TILE_ROWS else 0])
            weights, padded = self._weights, padded_rows(active)
            if active == 1 and self._weights_of_one is not None:
                weights, padded = self._weights_of_one, 1
            rows = BatchRows(*(_pad(values_R[:active], padded) for values_R in rows))
            buffers = self._buffers(final_2LRH[:, :, :active], padded)
            self._score_batch(weights, targets_N, rows, buffers, scores, steps)
            final_2LRH[0, :, :active] = buffers.hidden_L2RH[:, 0, :active]
            final_2LRH[1, :, :active] = buffers.cell_L2RH[:, 0, :active]
            rows = rows._replace(
                position_R=rows.position_R + steps, remaining_R=rows.remaining_R - steps
            )
            active = int(np.count_nonzero(rows.remaining_R > 0))
        return final_2LRH

    def _buffers(self, states_2LRH: Floats, padded: int) -> BatchBuffers:
        _, layers, active, hidden = states_2LRH.shape
        states_2L2RH = np.zeros((2, layers, 2, padded, hidden), np.float32)
        states_2L2RH[:, :, 0, :active] = states_2LRH
        activations_1RS = empty_padded(1, padded, self._activations * hidden)
        activations_1RS[:] = 0
        return BatchBuffers(
            hidden_L2RH=states_2L2RH[0],
            cell_L2RH=states_2L2RH[1],
            activations_1RS=activations_1RS,
            logits_RV=empty_padded(padded, len(self._weights.output_bias_V)),
        )


def _pad(values_R: Ids, padded: int) -> Ids:
    """Append zeros up to ``padded`` values."""
    padded_R = np.zeros(padded, np.int64)
    padded_R[: len(values_R)] = values_R
    return padded_R


def _pack_weights(
    cell: Cell, weights: EngineWeights, pack: Callable[[Floats], Packed]
) -> ScorerWeights:
    return ScorerWeights(
        table_VG=_activation_order(cell, weights.table_VG),
        input_L=pack(_activation_order(cell, weights.input_LHG)),
        bias_LG=_activation_order(cell, weights.bias_LG),
        recurrent_L=pack(weights.recurrent_LHG),
        recurrent_bias_LH=weights.recurrent_bias_LH,
        output=pack(weights.output_HV[None])[0],
        output_bias_V=weights.output_bias_V,
    )


def _activation_order(cell: Cell, matrix: Floats) -> Floats:
    """Return ``matrix``, (..., G), with its gates in the order of the activations.

    The GRU's candidate gate is the last of the weights and the first of the activations.
    """
    if cell != "gru":
        return np.ascontiguousarray(matrix)
    hidden = matrix.shape[-1] // 3
    return np.concatenate([matrix[..., 2 * hidden :], matrix[..., : 2 * hidden]], axis=-1)


def _pack_fp32(matrices_L: Floats) -> Floats:
    """Return each matrix, (..., G), packed by ``gemm_fp32``."""
    packed = [gemm_fp32.pack(matrix) for matrix in matrices_L]
    return np.stack(packed) if packed else np.empty((0, 0, 0, 0), np.float32)
