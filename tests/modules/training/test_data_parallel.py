"""Results of several shards agree with those of one, within the rounding of sums."""

from collections.abc import Mapping

import numpy as np
import pytest
from corpora_by_hand import part, vocabulary
from networks import NETWORKS, network_id, random_tensors

from charloom.network.batch import Batch
from charloom.network.dropout import NO_DROPOUT, Dropout
from charloom.network.parameters import Floats, Parameters, parameter_shapes
from charloom.network.reference import State
from charloom.settings import NetworkSettings
from charloom.training.data_parallel import DataParallel, shard_count
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.threads import ThreadPool
from charloom.training.validation_batches import ValidationBatches

TEXTS = [("hello there " * 9)[: 5 + 7 * k] for k in range(12)]
KNOWN = vocabulary(TEXTS)
SMALL = NetworkSettings(hidden=5, input=3, layers=2, dropout=0.0)
DROPOUTS = {"without dropout": NO_DROPOUT, "with dropout": Dropout(0.4, seed=7)}

Gradients = Mapping[str, Floats]


def batches() -> list[Batch]:
    """Return windows of twelve documents of many lengths, with carried states."""
    dataset = part(TEXTS, KNOWN, labels=[k % 3 - 1 for k in range(len(TEXTS))])
    return list(ValidationBatches(dataset=dataset, batch_size=12, window=20))


def make_parallel(
    settings: NetworkSettings, threads: ThreadPool, process: ProcessInfo = SINGLE_PROCESS
) -> DataParallel:
    weights = Parameters(parameter_shapes(settings, len(KNOWN), labels=2))
    weights.load(random_tensors(settings, len(KNOWN), labels=2, seed=3))
    return DataParallel(settings, weights, threads, bf16=False, process=process)


def train(
    settings: NetworkSettings,
    shards: int,
    dropout: Dropout = NO_DROPOUT,
    process: ProcessInfo = SINGLE_PROCESS,
) -> list[tuple[float, Gradients]]:
    """Return nats and gradients of every batch, each computed in ``shards`` shards."""
    results: list[tuple[float, Gradients]] = []
    used = []
    with ThreadPool(shards) as threads:
        parallel, states = make_parallel(settings, threads, process), list[State]()
        for batch in batches():
            before = [] if batch.starts else states
            nats, states = parallel.forward_backward(batch, before, dropout)
            used.append(len(states))
            results.append((nats, parallel.gradients.tensors()))
    assert max(used) == shards
    return results


def assert_same_gradients(one: Gradients, other: Gradients) -> None:
    assert one.keys() == other.keys()
    for name, gradient in one.items():
        scale = max(float(np.abs(gradient).max()), 1e-3)
        np.testing.assert_allclose(other[name], gradient, atol=2e-5 * scale, err_msg=name)


@pytest.mark.parametrize("dropout", DROPOUTS.values(), ids=DROPOUTS)
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_nats_and_gradients_of_three_shards_are_those_of_one(
    settings: NetworkSettings, dropout: Dropout
) -> None:
    whole, sharded = train(settings, 1, dropout), train(settings, 3, dropout)
    assert len(whole) == len(sharded) > 3
    for (nats, gradients), (other_nats, other_gradients) in zip(whole, sharded, strict=True):
        assert other_nats == pytest.approx(nats, rel=1e-5)
        assert_same_gradients(gradients, other_gradients)


@pytest.mark.parametrize("dropout", DROPOUTS.values(), ids=DROPOUTS)
@pytest.mark.parametrize("processes", [2, 5])
def test_nats_and_gradients_of_processes_add_up_to_those_of_one(
    processes: int, dropout: Dropout
) -> None:
    """With five processes, the last windows have fewer sequences than processes."""
    whole = train(SMALL, 1, dropout)
    of_ranks = [
        train(SMALL, 1, dropout, ProcessInfo(rank=rank, world_size=processes))
        for rank in range(processes)
    ]
    for number, (expected, gradients) in enumerate(whole):
        own = [results[number] for results in of_ranks]
        assert sum(nats for nats, _ in own) == pytest.approx(expected, rel=1e-5)
        sums = {name: sum(gradient[name] for _, gradient in own) for name in gradients}
        assert_same_gradients(gradients, sums)  # type: ignore[arg-type]


def test_a_process_without_sequences_has_no_gradient() -> None:
    nothing = ProcessInfo(rank=12, world_size=13)
    with ThreadPool() as threads:
        parallel = make_parallel(SMALL, threads, nothing)
        parallel.gradients.flat_P[:] = 1  # of an earlier minibatch
        assert parallel.forward_backward(batches()[0], [], NO_DROPOUT) == (0, [])
        assert not parallel.gradients.flat_P.any()
        assert parallel.forward(batches()[0], []) == (0, [])


@pytest.mark.parametrize("shards", [1, 3])
def test_forward_returns_the_same_nats_and_leaves_the_gradients(shards: int) -> None:
    with ThreadPool(shards) as threads:
        parallel, states = make_parallel(SMALL, threads), list[State]()
        for batch, (expected, _) in zip(batches(), train(SMALL, 1), strict=True):
            nats, states = parallel.forward(batch, [] if batch.starts else states)
            assert nats == pytest.approx(expected, rel=1e-5)
        assert not parallel.gradients.flat_P.any()


def test_results_have_the_same_bits_each_time() -> None:
    settings, dropout = NetworkSettings(hidden=64, input=3, dropout=0.5), Dropout(0.5, seed=1)
    first, second = train(settings, 3, dropout), train(settings, 3, dropout)
    assert [nats for nats, _ in first] == [nats for nats, _ in second]
    for (_, gradients), (_, others) in zip(first, second, strict=True):
        assert all(np.array_equal(gradients[name], others[name]) for name in gradients)


def test_another_seed_of_dropout_gives_other_nats() -> None:
    (first, _), (second, _) = (train(SMALL, 1, Dropout(0.4, seed))[0] for seed in (1, 2))
    assert first != second


@pytest.mark.parametrize(
    ("batch_size", "processes", "threads", "shards"),
    [(64, 1, 2, 2), (12, 1, 8, 3), (7, 1, 8, 1), (1, 1, 8, 1), (64, 4, 8, 4), (64, 64, 8, 1)],
)
def test_a_shard_has_at_least_four_sequences_or_is_the_only_one(
    batch_size: int, processes: int, threads: int, shards: int
) -> None:
    assert shard_count(batch_size, processes, threads) == shards
