"""The autograd pass: gradients against finite differences, states, evaluation mode."""

import pytest
import torch
from networks import random_tensors

from charloom.network.autograd.autograd_pass import AutogradPass
from charloom.network.autograd.module import Network
from charloom.network.backprop.batch import Batch
from charloom.settings import NetworkSettings

SETTINGS = NetworkSettings(cell="lstm", hidden=4, layers=2, input=3, dropout=0.0)
SYMBOLS = 6


def random_network(labels: int = 0) -> Network:
    network = Network(SETTINGS, SYMBOLS, labels)
    network.load(random_tensors(SETTINGS, SYMBOLS, labels, seed=3))
    return network.double()


def random_batch(*, starts: bool) -> Batch:
    ids = torch.randint(SYMBOLS, (6, 3), generator=torch.Generator().manual_seed(1))
    return Batch(
        inputs_TB=ids[:-1],
        targets_TB=ids[1:],
        mask_TB=torch.ones(5, 3, dtype=torch.bool),
        labels_B=torch.tensor([0, -1, 1]),
        starts=starts,
        symbols=15,
        characters=15,
    )


def test_gradients_agree_with_finite_differences() -> None:
    network, batch = random_network(), random_batch(starts=True)
    autograd, state = AutogradPass(network), network.initial_state(batch.labels_B)
    gradients = autograd.forward(batch, state, bf16=False).backward()
    assert set(gradients) == {name for name, _ in network.named_parameters()}
    step = 1e-6
    for name, parameter in network.named_parameters():
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.view(-1)[0] += sign * step
                losses.append(autograd.forward(batch, state, bf16=False).nats)
                parameter.view(-1)[0] -= sign * step
        difference = (losses[0] - losses[1]) / (2 * step)
        assert float(gradients[name].view(-1)[0]) == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_labels_have_no_gradient_where_no_document_starts() -> None:
    network, batch = random_network(labels=2), random_batch(starts=False)
    autograd = AutogradPass(network)
    initial = network.initial_state(batch.labels_B)
    assert "labels.hidden" in autograd.forward(batch, initial, bf16=False).backward()
    result = autograd.forward(batch, initial.detach(), bf16=False)
    assert not result.state.hidden_LBH.requires_grad
    assert not {"labels.hidden", "labels.cell"} & set(result.backward())


def test_bf16_rounds_products_in_evaluation_mode_too() -> None:
    network, batch = random_network().float().eval(), random_batch(starts=True)
    autograd, state = AutogradPass(network), network.initial_state(batch.labels_B)
    exact = autograd.forward(batch, state, bf16=False)
    rounded = autograd.forward(batch, state, bf16=True)
    assert not exact.loss.requires_grad
    assert rounded.nats != exact.nats
    assert rounded.nats == pytest.approx(exact.nats, rel=0.02)
