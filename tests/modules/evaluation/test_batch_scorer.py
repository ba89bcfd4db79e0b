"""A batch against the reference network, and against its documents one at a time."""

import dataclasses

import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors

from charloom.evaluation.batch_scorer import BatchScorer
from charloom.evaluation.scorer_arguments import BatchRows, TargetScores
from charloom.model_folder.weights import narrow, widen
from charloom.network.engine import prepare_weights
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

V = 7


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_final_states_are_those_after_all_but_the_last_symbol(settings: NetworkSettings) -> None:
    """Eleven documents of 1 to 30 symbols: the batch continues several times in fewer rows."""
    tensors = random_tensors(settings, V, seed=3)
    generator = np.random.default_rng(5)
    lengths = np.sort(generator.integers(1, 31, 11))[::-1]
    ends = np.cumsum(lengths)
    targets = generator.integers(0, V, ends[-1])
    inputs = generator.integers(0, V, len(lengths))
    initial = generator.normal(0, 0.3, (2, settings.layers, len(lengths), settings.hidden))
    if settings.cell != "lstm":
        initial[1] = 0
    scores = TargetScores(np.empty(len(targets), np.float32), np.empty(len(targets), np.bool_))
    final = BatchScorer(settings.cell, prepare_weights(settings, tensors)).score(
        targets,
        BatchRows(ends - lengths, lengths, inputs),
        initial.astype(np.float32),
        scores,
    )
    network = Network(settings, tensors)
    for row, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        state = network.initial_state(np.array([-1]))
        state.hidden[:, 0] = initial[0, :, row]
        if state.cell is not None:
            state.cell[:, 0] = initial[1, :, row]
        for symbol in [inputs[row], *targets[end - length : end - 1]]:
            _, state = network.step(np.array([symbol]), state)
        np.testing.assert_allclose(final[0, :, row], state.hidden[:, 0], atol=1e-5)
        if state.cell is not None:
            np.testing.assert_allclose(final[1, :, row], state.cell[:, 0], atol=1e-5)


@pytest.mark.parametrize("hidden", [5, 40])
@pytest.mark.parametrize("settings", NETWORKS[:-1:3], ids=network_id)
def test_a_document_alone_has_the_same_bits_with_bfloat16(
    settings: NetworkSettings, hidden: int
) -> None:
    """One document alone is read by other products than those of a batch."""
    settings = dataclasses.replace(settings, hidden=hidden)
    tensors = {
        name: widen(narrow(tensor, "bf16"), "bf16")
        for name, tensor in random_tensors(settings, V, seed=3).items()
    }
    scorer = BatchScorer(settings.cell, prepare_weights(settings, tensors))
    generator = np.random.default_rng(5)
    lengths = np.array([30, 17, 9])
    starts = np.cumsum(lengths) - lengths
    targets = generator.integers(0, V, lengths.sum())
    inputs = generator.integers(0, V, 3)
    initial = generator.normal(0, 0.3, (2, settings.layers, 3, hidden)).astype(np.float32)

    def score(rows: slice) -> tuple[bytes, bytes, bytes]:
        scores = TargetScores(np.zeros(len(targets), np.float32), np.zeros(len(targets), np.bool_))
        batch = BatchRows(starts[rows], lengths[rows], inputs[rows])
        final = scorer.score(targets, batch, initial[:, :, rows], scores)
        if settings.cell != "lstm":
            final[1] = 0
        n = slice(starts[1], starts[1] + lengths[1])
        return scores.nats_N[n].tobytes(), scores.correct_N[n].tobytes(), final.tobytes()

    together, alone = score(slice(0, 3)), score(slice(1, 2))
    assert alone[:2] == together[:2]
    final = np.frombuffer(together[2], np.float32).reshape(2, settings.layers, 3, hidden)
    assert final[:, :, 1].tobytes() == alone[2]
