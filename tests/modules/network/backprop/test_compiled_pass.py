"""The compiled reading of a minibatch against torch's differentiation in float64."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from corpora_by_hand import part, vocabulary
from networks import NETWORKS, network_id, random_tensors

from charloom.network.autograd import autograd_pass
from charloom.network.autograd.module import Network, State
from charloom.network.backprop import compiled_pass
from charloom.network.backprop.batch import Batch
from charloom.settings import NetworkSettings
from charloom.training.batches import DocumentBatches

TEXTS = [("hello there " * 9)[: 5 + 7 * k] for k in range(13)]
KNOWN = vocabulary(TEXTS)
FEW = NetworkSettings(cell="gru", hidden=40, layers=2, input=3, dropout=0.0)
"""With a single place in a minibatch there are more symbols than places."""


def network(settings: NetworkSettings, labels: int = 2) -> Network:
    made = Network(settings, len(KNOWN), labels)
    # The larger the weights, the less smooth is what they come to.
    scale = 0.5 if settings.hidden <= 5 else 0.15
    made.load(random_tensors(settings, len(KNOWN), labels, seed=3, scale=scale))
    return made


def batches(batch_size: int = 13, window: int = 20) -> Iterator[Batch]:
    """Windows of texts of many lengths: streams end, and states are carried."""
    documents = part(TEXTS, KNOWN)
    yield from DocumentBatches(
        dataset=documents, batch_size=batch_size, window=window, seed=None
    ).epoch(1)


def compare(settings: NetworkSettings, made: Iterator[Batch], *, rounded: bool) -> None:
    """Read minibatches both ways; compare nats, states and gradients, and which there are."""
    own, exact = network(settings), network(settings).double()
    ours, torchs = compiled_pass.CompiledPass(own), autograd_pass.AutogradPass(exact)
    state: State | None = None
    right_state: State | None = None
    error = 0.03 if rounded else 3e-6
    for batch in made:
        streams = len(batch.labels_B)
        if batch.starts or state is None or right_state is None:
            state, right_state = (
                own.initial_state(batch.labels_B).detach(),
                exact.initial_state(batch.labels_B),
            )
        reading = ours.forward(batch, state.first_sequences(streams), bf16=rounded)
        right = torchs.forward(batch, right_state.first_sequences(streams), bf16=False)
        assert reading.nats == pytest.approx(right.nats, rel=error / 10)
        state, right_state = reading.state, right.state
        for which in ("hidden_LBH", "cell_LBH"):
            value, oracle = getattr(state, which), getattr(right_state, which)
            assert (value is None) == (oracle is None)
            if value is not None:
                torch.testing.assert_close(value.double(), oracle, rtol=0, atol=error)
        gradients, oracles = reading.backward(), right.backward()
        assert set(gradients) == set(oracles)
        for key, oracle in oracles.items():
            limit = 4 * error * float(oracle.norm()) + 1e-7
            assert float((gradients[key].double() - oracle).norm()) <= limit, key


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_it_is_what_torch_comes_to(settings: NetworkSettings, rounded: bool) -> None:
    compare(settings, batches(), rounded=rounded)


@pytest.mark.parametrize("rounded", [False, True])
def test_more_symbols_than_places(rounded: bool) -> None:
    few = batches(batch_size=2, window=3)
    assert next(batches(batch_size=2, window=3)).inputs_TB.numel() < len(KNOWN)
    compare(FEW, few, rounded=rounded)


def test_what_is_dropped_follows_from_the_generator() -> None:
    settings = NetworkSettings(cell="lstm", hidden=16, layers=2, input=3, dropout=0.5)
    reader, batch = compiled_pass.CompiledPass(network(settings)), next(batches())
    state = reader.network.initial_state(batch.labels_B).detach()

    def nats(seed: int) -> float:
        chance = torch.Generator().manual_seed(seed)
        return reader.forward(batch, state, chance, bf16=False).nats

    assert nats(1) == nats(1)
    assert len({nats(seed) for seed in range(5)}) == 5
    reader.network.eval()
    whole = reader.forward(batch, state, bf16=False).nats
    # The mean over many masks is near to what nothing dropped comes to, but above it: nats are
    # convex in the logits. 200 draws with a spread of some 3 %.
    reader.network.train()
    several = [nats(seed) for seed in range(200)]
    assert whole < sum(several) / 200 < 1.2 * whole


@pytest.mark.parametrize("settings", [FEW, NETWORKS[0]], ids=network_id)
def test_weights_are_read_where_they_lie(settings: NetworkSettings) -> None:
    """An optimizer, an average and a checkpoint change them in place."""
    own, batch = network(settings), next(batches())
    reader, state = compiled_pass.CompiledPass(own), own.initial_state(batch.labels_B).detach()
    before = reader.forward(batch, state, bf16=False).nats
    own.load({key: value / np.float32(2) for key, value in own.tensors().items()})
    halved = reader.forward(batch, state, bf16=False).nats
    assert halved != before
    assert halved == compiled_pass.CompiledPass(own).forward(batch, state, bf16=False).nats
