"""Training on a CPU by NumPy and Numba equals training by torch, step by step.

Both start from the same weights and read the same minibatches under the same dropout masks, in
float32. Sums round differently; twenty steps let that grow to about 1e-6.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from corpora_by_hand import part
from networks import NETWORKS, network_id
from random_texts import random_texts

from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.network.parameters import Parameters, parameter_shapes
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.backend import Backend
from charloom.training.batches import DocumentBatches
from charloom.training.build_backend import build_backend, initial_parameters
from charloom.training.device import DeviceConfig

torch_backend = pytest.importorskip("charloom.training.torch_backend", exc_type=ImportError)

CPU = DeviceConfig(device="cpu", bf16=False)
STEPS = 20
OPTIMIZERS = ("adamw", "muon", "rmsprop", "sgd")
networks = pytest.mark.parametrize("network", NETWORKS, ids=network_id)


def minibatches() -> Iterator[Batch]:
    texts = random_texts(seed=1, count=40, max_words=8)
    labels = [number % 3 - 1 for number in range(len(texts))]
    dataset = part(texts, labels=labels)
    batches = DocumentBatches(dataset=dataset, batch_size=8, window=16, seed=0)
    for epoch in range(1, STEPS):
        yield from batches.epoch(epoch)


def losses(backend: Backend, steps: int = STEPS) -> list[float]:
    """Return the loss of a symbol after each step, with clipped gradients and dropout."""
    result, states = [], []
    with backend.threads:
        for step, batch in zip(range(steps), minibatches(), strict=False):
            dropout = Dropout(backend.network.dropout, seed=step)
            nats, states = backend.forward_backward(batch, [] if batch.starts else states, dropout)
            norm = backend.gradient_norm()
            backend.step(0.01, min(1.0, 1 / norm))
            result.append(nats / batch.symbols)
    return result


def settings(optimizer: str) -> TrainingSettings:
    return TrainingSettings(optimizer=optimizer, batch_size=8, weight_decay=0.1)  # type: ignore[arg-type]


def both(network: NetworkSettings, optimizer: str) -> tuple[Backend, Backend]:
    vocabulary = 60
    weights = initial_parameters(network, vocabulary, labels=2, seed=0)
    same = Parameters(parameter_shapes(network, vocabulary, labels=2))
    same.load(weights.arrays)
    torch = torch_backend.TorchBackend(network, same, settings(optimizer), CPU)
    return build_backend(network, weights, settings(optimizer), CPU), torch


@networks
def test_twenty_steps_have_the_same_losses(network: NetworkSettings) -> None:
    for optimizer in OPTIMIZERS:
        ours, torch = both(network, optimizer)
        assert losses(ours) == pytest.approx(losses(torch), rel=1e-5), optimizer


@pytest.mark.parametrize("p", [0.3, 0.6])
def test_dropout_has_the_same_masks(p: float) -> None:
    network = NetworkSettings(cell="lstm", hidden=16, layers=2, dropout=p)
    ours, torch = both(network, "adamw")
    assert losses(ours) == pytest.approx(losses(torch), rel=1e-5)
