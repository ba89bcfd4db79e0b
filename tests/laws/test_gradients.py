"""Gradients agree with finite differences in float64; padding has neither loss nor gradient."""

import dataclasses

import pytest
import torch
from corpora_by_hand import part
from networks import NETWORKS, network_id, random_tensors

from charloom.data.selection import Selection
from charloom.network.autograd.loss import TensorBatch, summed_nats
from charloom.network.autograd.module import Network
from charloom.network.dropout import Dropout
from charloom.settings import NetworkSettings
from charloom.training.validation_batches import ValidationBatches

TEXTS = ["abca", "b", "cabbage"]
SYMBOLS, LABELS = 8, 2
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def only_batch() -> TensorBatch:
    documents = part(TEXTS, labels=[0, -1, 1])
    batches = ValidationBatches(dataset=documents, batch_size=3, window=99)
    return TensorBatch.from_batch(next(iter(batches)), torch.device("cpu"))


def trained(settings: NetworkSettings) -> Network:
    network = Network(settings, SYMBOLS, LABELS)
    network.load(random_tensors(settings, SYMBOLS, LABELS, seed=3))
    return network.double()


def nats(network: Network, batch: TensorBatch) -> torch.Tensor:
    return summed_nats(network, batch, network.initial_state(batch.labels_B), Dropout())[0]


@networks
def test_gradients_agree_with_finite_differences(settings: NetworkSettings) -> None:
    network, batch = trained(settings), only_batch()
    nats(network, batch).backward()
    generator = torch.Generator().manual_seed(0)
    for key, weights in network.named_parameters():
        assert weights.grad is not None, key
        direction = torch.randn(weights.shape, generator=generator, dtype=torch.float64)
        gradient = float((weights.grad * direction).sum())
        small = 1e-5
        with torch.no_grad():
            weights.add_(direction, alpha=small)
            above = nats(network, batch).item()
            weights.sub_(direction, alpha=2 * small)
            below = nats(network, batch).item()
            weights.add_(direction, alpha=small)
        # The error of a central difference is about small**2, and its rounding 1e-15 / small.
        assert gradient == pytest.approx((above - below) / (2 * small), rel=1e-6, abs=1e-8), key


@networks
def test_padding_changes_neither_loss_nor_gradient(settings: NetworkSettings) -> None:
    network, batch = trained(settings), only_batch()
    nats(network, batch).backward()
    gradients = {key: p.grad.clone() for key, p in network.named_parameters() if p.grad is not None}
    loss = nats(network, batch).item()
    padding = ~batch.mask_TB
    assert padding.any()
    batch.inputs_TB[padding] = 5
    batch.targets_TB[padding] = 6
    network.zero_grad()
    changed = nats(network, batch)
    changed.backward()
    assert changed.item() == loss
    for key, weights in network.named_parameters():
        assert weights.grad is not None
        assert torch.equal(weights.grad, gradients[key]), key


@networks
def test_the_loss_of_a_batch_is_the_sum_of_its_documents(settings: NetworkSettings) -> None:
    network = trained(settings)
    alone = 0.0
    whole = part(TEXTS, labels=[0, -1, 1])
    for index in range(len(TEXTS)):
        one = dataclasses.replace(whole, selection=Selection.from_range(index, index + 1))
        batches = ValidationBatches(dataset=one, batch_size=1, window=99)
        batch = TensorBatch.from_batch(next(iter(batches)), torch.device("cpu"))
        alone += nats(network, batch).item()
    assert nats(network, only_batch()).item() == pytest.approx(alone, rel=1e-12)
