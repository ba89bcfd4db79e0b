"""The compiled reader against the reference network, one document and one symbol at a time."""

import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors
from numpy.typing import NDArray

from charloom.evaluation import symbol_scorer as module
from charloom.evaluation.symbol_scorer import BATCH_SIZE, Surprisals, SymbolScorer
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

V, LABELS = 7, 2
WIDE = NetworkSettings(cell="gru", hidden=37, layers=2, input=20)
"""Neither the gates nor the symbols fill whole tiles."""

Ids = NDArray[np.int64]


def documents(count: int, seed: int, symbols: int = V) -> tuple[Ids, Ids, Ids]:
    """Return targets, where documents end, and labels; some documents are much longer."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 20, count)
    lengths[generator.integers(0, count, 2)] = 130
    ends = np.cumsum(lengths)
    targets = generator.integers(0, symbols, ends[-1])
    return targets, ends, generator.integers(-1, LABELS, count)


def by_reference(network: Network, targets: Ids, ends: Ids, labels: Ids) -> Surprisals:
    nats, best = np.empty(len(targets)), np.empty(len(targets), dtype=bool)
    for begin, end, label in zip([0, *ends], ends, labels, strict=False):
        state, last = network.initial_state(np.array([label])), np.array([0])
        for place in range(begin, end):
            logits, state = network.step(last, state)
            last = targets[place : place + 1]
            nats[place] = np.logaddexp.reduce(logits[0]) - logits[0, last[0]]
            best[place] = logits[0].argmax() == last[0]
    return Surprisals(nats_N=nats.astype(np.float32), correct_N=best, state=None)


@pytest.mark.parametrize("settings", [*NETWORKS, WIDE], ids=network_id)
@pytest.mark.parametrize("count", [1, 3, 2 * BATCH_SIZE + 9])
def test_each_symbol_is_as_surprising_as_to_the_reference(
    settings: NetworkSettings, count: int
) -> None:
    symbols = 40 if settings is WIDE else V
    tensors = random_tensors(settings, symbols, LABELS, seed=count)
    given = documents(count, count, symbols)
    found = SymbolScorer(settings, tensors).surprisals(*given)
    expected = by_reference(Network(settings, tensors), *given)
    np.testing.assert_allclose(found.nats_N, expected.nats_N, rtol=2e-5, atol=2e-5)
    # Of symbols that come out as equally probable, one network may see one ahead.
    assert np.mean(found.correct_N == expected.correct_N) > 0.99


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_nothing_depends_on_the_number_of_cores(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = NETWORKS[0]
    reader = SymbolScorer(settings, random_tensors(settings, V, LABELS))
    given = documents(50, 0)
    monkeypatch.setattr(module, "_cores", lambda: 1)
    expected = reader.surprisals(*given)
    monkeypatch.setattr(module, "_cores", lambda: cores)
    found = reader.surprisals(*given)
    assert np.array_equal(found.nats_N, expected.nats_N)
    assert np.array_equal(found.correct_N, expected.correct_N)


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_a_document_may_come_in_pieces(settings: NetworkSettings) -> None:
    reader = SymbolScorer(settings, random_tensors(settings, V, LABELS))
    targets, ends, labels = documents(40, 4)
    whole = reader.surprisals(targets, ends, labels).nats_N
    longest = int(np.argmax(np.diff(ends)) + 1)
    carried, found, last = None, [], 0
    for cut in (ends[longest] - 90, ends[longest] - 89, ends[longest] - 1, len(targets)):
        inside = (ends > last) & (np.concatenate([[0], ends[:-1]]) < cut)
        piece = reader.surprisals(
            targets[last:cut],
            np.minimum(ends[inside], cut) - last,
            labels[inside],
            carried,
            unfinished=cut != len(targets),
        )
        found.append(piece.nats_N)
        carried, last = piece.state, cut
    assert carried is None
    assert np.array_equal(np.concatenate(found), whole)
