"""The kernel on networks whose weights are zero, so that the output bias decides every result."""

import math

import numpy as np

from charloom.evaluation.scorer_arguments import (
    BatchBuffers,
    BatchRows,
    ScorerWeights,
    TargetScores,
)
from charloom.evaluation.symbol_scorer_kernel import SCORE
from charloom.network.kernels.forward import ACTIVATION_COUNTS
from charloom.network.kernels.gemm_fp32 import TILE_ROWS, empty_padded, pack

H, UNTOUCHED = 2, -1.0


def weights(output_bias_V: list[float]) -> ScorerWeights:
    V = len(output_bias_V)
    zeros_HH = np.zeros((H, H), np.float32)
    return ScorerWeights(
        table_VG=np.zeros((V, H), np.float32),
        input_L=np.empty((0, 0, 0, 0), np.float32),
        bias_LG=np.empty((0, H), np.float32),
        recurrent_L=pack(zeros_HH)[None],
        recurrent_bias_LH=np.zeros((1, H), np.float32),
        output=pack(np.zeros((H, V), np.float32)),
        output_bias_V=np.array(output_bias_V, np.float32),
    )


def buffers(V: int) -> BatchBuffers:
    activations = empty_padded(1, TILE_ROWS, ACTIVATION_COUNTS["rnn"] * H)
    activations[:] = 0
    return BatchBuffers(
        hidden_L2RH=np.zeros((1, 2, TILE_ROWS, H), np.float32),
        cell_L2RH=np.zeros((1, 2, TILE_ROWS, H), np.float32),
        activations_1RS=activations,
        logits_RV=empty_padded(TILE_ROWS, V),
    )


def score(
    logits_V: list[float], targets: list[int], rows: BatchRows, steps: int
) -> tuple[list[float], list[bool]]:
    scores = TargetScores(
        nats_N=np.full(len(targets), UNTOUCHED, np.float32),
        correct_N=np.zeros(len(targets), np.bool_),
    )
    given = weights(logits_V), np.array(targets), rows, buffers(len(logits_V))
    SCORE["rnn"](*given, scores, steps)
    return scores.nats_N.tolist(), scores.correct_N.tolist()


def rows(positions: list[int], remaining: list[int]) -> BatchRows:
    """Return rows padded to a tile."""
    padding = [0] * (TILE_ROWS - len(positions))
    return BatchRows(
        position_R=np.array(positions + padding),
        remaining_R=np.array(remaining + padding),
        input_R=np.zeros(TILE_ROWS, np.int64),
    )


def test_nats_are_the_negative_log_softmax() -> None:
    logits = [0.5, -1.25, 3.0]
    nats, _ = score(logits, [0, 1, 2], rows([0], [3]), steps=3)
    total = sum(math.exp(logit) for logit in logits)
    expected = [math.log(total) - logit for logit in logits]
    np.testing.assert_allclose(nats, expected, rtol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    nats, _ = score([1000.0, 0.0], [0, 1], rows([0], [2]), steps=2)
    assert nats == [0.0, 1000.0]


def test_of_ties_only_the_lowest_id_is_correct() -> None:
    _, correct = score([1.0, 2.0, 2.0], [0, 1, 2], rows([0], [3]), steps=3)
    assert correct == [False, True, False]


def test_rows_write_the_scores_of_their_own_targets_only() -> None:
    """Row 0 has four targets from position 2 on, row 1 has one at position 0."""
    batch = rows([2, 0], [4, 1])
    nats, _ = score([0.0, 0.0], [0, 1, 1, 0, 1, 0, 1], batch, steps=3)
    bit = np.float32(math.log(2))
    assert nats == [bit, UNTOUCHED, bit, bit, bit, UNTOUCHED, UNTOUCHED]


def test_inputs_become_the_last_targets() -> None:
    batch = rows([0, 3], [3, 1])
    score([0.0] * 5, [4, 2, 3, 1], batch, steps=3)
    assert batch.input_R[:2].tolist() == [3, 1]
