"""The compiled pass over a minibatch against torch's autograd in float64."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from corpora_by_hand import part, vocabulary
from networks import NETWORKS, network_id, random_tensors

from charloom.network.autograd.autograd_pass import AutogradPass
from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch
from charloom.network.backprop.compiled_pass import CompiledPass
from charloom.settings import NetworkSettings
from charloom.training.batches import DocumentBatches

TEXTS = [("hello there " * 9)[: 5 + 7 * k] for k in range(13)]
KNOWN = vocabulary(TEXTS)
FEW = NetworkSettings(cell="gru", hidden=40, layers=2, input=3, dropout=0.0)
"""A network for minibatches with fewer positions than there are symbols."""


def network(settings: NetworkSettings, labels: int = 2) -> Network:
    result = Network(settings, len(KNOWN), labels)
    # Large weights make the loss less smooth, and float32 less exact.
    scale = 0.5 if settings.hidden <= 5 else 0.15
    result.load(random_tensors(settings, len(KNOWN), labels, seed=3, scale=scale))
    return result


def batches(batch_size: int = 13, window: int = 20) -> Iterator[Batch]:
    """Yield windows of documents of many lengths: sequences end, and states are carried."""
    documents = part(TEXTS, KNOWN)
    yield from DocumentBatches(
        dataset=documents, batch_size=batch_size, window=window, seed=None
    ).epoch(1)


def compare(settings: NetworkSettings, minibatches: Iterator[Batch], *, bf16: bool) -> None:
    """Compare loss, states and gradients of both passes, minibatch by minibatch."""
    single, double = network(settings), network(settings).double()
    compiled, autograd = CompiledPass(single), AutogradPass(double)
    state: State | None = None
    expected_state: State | None = None
    error = 0.03 if bf16 else 3e-6
    for batch in minibatches:
        count = len(batch.labels_B)
        if batch.starts or state is None or expected_state is None:
            state = single.initial_state(batch.labels_B).detach()
            expected_state = double.initial_state(batch.labels_B)
        result = compiled.forward(batch, state.first_sequences(count), bf16=bf16)
        expected = autograd.forward(batch, expected_state.first_sequences(count), bf16=False)
        assert result.nats == pytest.approx(expected.nats, rel=error / 10)
        state, expected_state = result.state, expected.state
        for attribute in ("hidden_LBH", "cell_LBH"):
            value, oracle = getattr(state, attribute), getattr(expected_state, attribute)
            assert (value is None) == (oracle is None)
            if value is not None:
                torch.testing.assert_close(value.double(), oracle, rtol=0, atol=error)
        gradients, oracles = result.backward(), expected.backward()
        assert set(gradients) == set(oracles)
        for key, oracle in oracles.items():
            limit = 4 * error * float(oracle.norm()) + 1e-7
            assert float((gradients[key].double() - oracle).norm()) <= limit, key


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_loss_states_and_gradients_equal_autograd(settings: NetworkSettings, bf16: bool) -> None:
    compare(settings, batches(), bf16=bf16)


@pytest.mark.parametrize("bf16", [False, True])
def test_fewer_positions_than_symbols_equal_autograd(bf16: bool) -> None:
    assert next(batches(batch_size=2, window=3)).inputs_TB.numel() < len(KNOWN)
    compare(FEW, batches(batch_size=2, window=3), bf16=bf16)


def test_the_generator_decides_what_is_dropped() -> None:
    settings = NetworkSettings(cell="lstm", hidden=16, layers=2, input=3, dropout=0.5)
    compiled, batch = CompiledPass(network(settings)), next(batches())
    state = compiled.network.initial_state(batch.labels_B).detach()

    def nats(seed: int) -> float:
        generator = torch.Generator().manual_seed(seed)
        return compiled.forward(batch, state, generator, bf16=False).nats

    assert nats(1) == nats(1)
    assert len({nats(seed) for seed in range(5)}) == 5
    compiled.network.eval()
    whole = compiled.forward(batch, state, bf16=False).nats
    # The mean over many masks is close to the loss without dropout but above it, since the loss is
    # convex in the logits. 200 losses with a spread of about 3 %.
    compiled.network.train()
    dropped = [nats(seed) for seed in range(200)]
    assert whole < sum(dropped) / 200 < 1.2 * whole


@pytest.mark.parametrize("settings", [FEW, NETWORKS[0]], ids=network_id)
def test_parameters_may_change_in_place(settings: NetworkSettings) -> None:
    """An optimizer, an average and a checkpoint change them in place."""
    changed, batch = network(settings), next(batches())
    compiled, state = CompiledPass(changed), changed.initial_state(batch.labels_B).detach()
    before = compiled.forward(batch, state, bf16=False).nats
    changed.load({key: value / np.float32(2) for key, value in changed.tensors().items()})
    halved = compiled.forward(batch, state, bf16=False).nats
    assert halved != before
    assert halved == CompiledPass(changed).forward(batch, state, bf16=False).nats
