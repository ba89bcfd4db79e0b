"""The compiled scorer against the reference network, one document and one symbol at a time."""

import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors
from numpy.typing import NDArray

from charloom.evaluation.symbol_scorer import BATCH_SIZE, Surprisals, SymbolScorer
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

V, LABELS = 7, 2
WIDE = NetworkSettings(cell="gru", hidden=37, layers=2, input=20)
"""Neither its gates nor its symbols fill whole tiles."""

Ids = NDArray[np.int64]


def documents(count: int, seed: int, symbols: int = V) -> tuple[Ids, Ids, Ids]:
    """Return targets, the ends of documents, and labels; some documents are much longer."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 20, count)
    lengths[generator.integers(0, count, 2)] = 130
    ends = np.cumsum(lengths)
    targets = generator.integers(0, symbols, ends[-1])
    return targets, ends, generator.integers(-1, LABELS, count)


def by_reference(network: Network, targets: Ids, ends: Ids, labels: Ids) -> Surprisals:
    nats, correct = np.empty(len(targets)), np.empty(len(targets), dtype=bool)
    for start, end, label in zip([0, *ends], ends, labels, strict=False):
        state, last = network.initial_state(np.array([label])), np.array([0])
        for position in range(start, end):
            logits, state = network.step(last, state)
            last = targets[position : position + 1]
            nats[position] = np.log(np.exp(logits[0]).sum()) - logits[0, last[0]]
            correct[position] = logits[0].argmax() == last[0]
    return Surprisals(nats_N=nats.astype(np.float32), correct_N=correct, state=None)


@pytest.mark.parametrize("settings", [*NETWORKS, WIDE], ids=network_id)
@pytest.mark.parametrize("count", [1, 3, 2 * BATCH_SIZE + 9])
def test_nats_and_accuracy_are_those_of_the_reference_network(
    settings: NetworkSettings, count: int
) -> None:
    symbols = 40 if settings is WIDE else V
    tensors = random_tensors(settings, symbols, LABELS, seed=count)
    batch = documents(count, count, symbols)
    result = SymbolScorer(settings, tensors).surprisals(*batch)
    expected = by_reference(Network(settings, tensors), *batch)
    np.testing.assert_allclose(result.nats_N, expected.nats_N, rtol=2e-5, atol=2e-5)
    # Rounding decides between two symbols that are about equally probable.
    assert np.mean(result.correct_N == expected.correct_N) > 0.99


@pytest.mark.parametrize("threads", [2, 3])
def test_results_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    settings = NETWORKS[0]
    tensors, batch = random_tensors(settings, V, LABELS), documents(50, 0)
    expected = SymbolScorer(settings, tensors, threads=1).surprisals(*batch)
    result = SymbolScorer(settings, tensors, threads=threads).surprisals(*batch)
    assert np.array_equal(result.nats_N, expected.nats_N)
    assert np.array_equal(result.correct_N, expected.correct_N)


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_a_document_may_continue_in_the_next_call(settings: NetworkSettings) -> None:
    scorer = SymbolScorer(settings, random_tensors(settings, V, LABELS))
    targets, ends, labels = documents(40, 4)
    whole = scorer.surprisals(targets, ends, labels).nats_N
    longest = int(np.argmax(np.diff(ends)) + 1)
    state, parts, start = None, [], 0
    for cut in (ends[longest] - 90, ends[longest] - 89, ends[longest] - 1, len(targets)):
        inside = (ends > start) & (np.concatenate([[0], ends[:-1]]) < cut)
        part = scorer.surprisals(
            targets[start:cut],
            np.minimum(ends[inside], cut) - start,
            labels[inside],
            state,
            unfinished=cut != len(targets),
        )
        parts.append(part.nats_N)
        state, start = part.state, cut
    assert state is None
    assert np.array_equal(np.concatenate(parts), whole)
