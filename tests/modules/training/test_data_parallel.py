"""Results of several shards agree with those of one, within the rounding of sums."""

import numpy as np
import pytest
import torch
from corpora_by_hand import part, vocabulary
from networks import NETWORKS, network_id, random_tensors

from charloom.network.autograd.module import Network
from charloom.network.backprop.batch import Batch
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.batches import DocumentBatches
from charloom.training.data_parallel import MIN_SHARD_SEQUENCES, DataParallel
from charloom.training.device import choose_device
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.shard_states import States

TEXTS = [("hello there " * 9)[: 5 + 7 * k] for k in range(12)]
KNOWN = vocabulary(TEXTS)
DEVICE = choose_device(TrainingSettings(precision="fp32", device="cpu"))
THREADS = 3


def make_network(settings: NetworkSettings) -> Network:
    network = Network(settings, len(KNOWN), 2)
    network.load(random_tensors(settings, len(KNOWN), 2, seed=3))
    return network


def make_parallel(network: Network, batch_size: int) -> DataParallel:
    return DataParallel(network, DEVICE, batch_size=batch_size, seed=0, total_threads=THREADS)


def batches() -> list[Batch]:
    """Return windows of twelve documents of many lengths, with carried states."""
    dataset = part(TEXTS, KNOWN)
    return list(DocumentBatches(dataset=dataset, batch_size=12, window=20, seed=None).epoch(1))


def train(settings: NetworkSettings, batch_size: int) -> list[tuple[float, list[torch.Tensor]]]:
    """Return nats and gradients of every batch; ``batch_size`` / 4 shards, at most 3."""
    network, results, shards = make_network(settings), [], []
    parallel = make_parallel(network, batch_size)
    with parallel.threads:
        states: States = []
        for batch in batches():
            nats, states = parallel.forward_backward(batch, [] if batch.starts else states)
            shards.append(len(states))
            gradients = [torch.zeros(1) if p.grad is None else p.grad for p in network.parameters()]
            results.append((nats, gradients))
    assert max(shards) == min(THREADS, batch_size // MIN_SHARD_SEQUENCES)
    return results


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_nats_and_gradients_of_three_shards_are_those_of_one(settings: NetworkSettings) -> None:
    whole, sharded = train(settings, batch_size=4), train(settings, batch_size=12)
    assert len(whole) == len(sharded) > 3
    for (nats, gradients), (other_nats, other_gradients) in zip(whole, sharded, strict=True):
        assert other_nats == pytest.approx(nats, rel=1e-5)
        for gradient, other in zip(gradients, other_gradients, strict=True):
            scale = max(float(gradient.abs().max()), 1e-3)
            np.testing.assert_allclose(other, gradient, atol=2e-5 * scale)


def test_forward_returns_the_same_nats_without_gradients() -> None:
    settings = NetworkSettings(hidden=5, input=3, dropout=0.0)
    network = make_network(settings)
    parallel = make_parallel(network, 12)
    with parallel.threads:
        states: States = []
        for batch, (expected, _) in zip(batches(), train(settings, 4), strict=True):
            nats, states = parallel.forward(batch, [] if batch.starts else states)
            assert nats == pytest.approx(expected, rel=1e-5)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_nats_and_gradients_of_two_processes_add_up_to_those_of_one() -> None:
    settings = NetworkSettings(hidden=5, input=3, dropout=0.0)
    batch, (expected, gradients) = batches()[0], train(settings, 4)[0]
    nats, sums = 0.0, [torch.zeros_like(gradient) for gradient in gradients]
    for rank in range(2):
        network = make_network(settings)
        process = ProcessInfo(rank=rank, world_size=2)
        parallel = DataParallel(
            network, DEVICE, batch_size=12, seed=0, process=process, total_threads=1
        )
        nats += parallel.forward_backward(batch, [])[0]
        for total, parameter in zip(sums, network.parameters(), strict=True):
            assert parameter.grad is not None
            total.add_(parameter.grad)
    assert nats == pytest.approx(expected, rel=1e-5)
    for total, gradient in zip(sums, gradients, strict=True):
        np.testing.assert_allclose(total, gradient, atol=2e-5 * float(gradient.abs().max()))


def test_dropout_is_reproducible() -> None:
    settings = NetworkSettings(hidden=64, input=3, dropout=0.5)
    first, second = train(settings, 12), train(settings, 12)
    assert [nats for nats, _ in first] == [nats for nats, _ in second]


def test_the_threads_of_torch_are_restored() -> None:
    before = torch.get_num_threads()
    with make_parallel(make_network(NETWORKS[0]), batch_size=32).threads:
        pass
    assert torch.get_num_threads() == before


def test_without_states_there_is_nothing_to_gather() -> None:
    parallel = make_parallel(make_network(NETWORKS[0]), batch_size=12)
    assert parallel.gather_states([]) is None
    assert parallel.scatter_states(None) == []


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_process_without_sequences_gathers_states_of_none(cell: str) -> None:
    settings = NetworkSettings(cell=cell, hidden=5, layers=2, input=3)  # type: ignore[arg-type]
    parallel = DataParallel(
        make_network(settings),
        DEVICE,
        batch_size=12,
        seed=0,
        process=ProcessInfo(rank=1, world_size=2),
        total_threads=1,
    )
    gathered = parallel.gather_states([])
    assert gathered is not None
    shapes = {key: None if value is None else value.shape for key, value in gathered.items()}
    assert shapes == {"hidden_LBH": (2, 0, 5), "cell_LBH": (2, 0, 5) if cell == "lstm" else None}
