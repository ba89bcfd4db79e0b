"""The autograd pass: gradients against finite differences, states, evaluation mode."""

import pytest
import torch
from networks import random_tensors

from charloom.network.autograd.autograd_pass import AutogradPass, PassResult
from charloom.network.autograd.loss import TensorBatch
from charloom.network.autograd.module import Network
from charloom.network.dropout import Dropout
from charloom.settings import NetworkSettings

SETTINGS = NetworkSettings(cell="lstm", hidden=4, layers=2, input=3, dropout=0.0)
SYMBOLS = 6
NO_DROPOUT = Dropout()


def random_network(labels: int = 0) -> Network:
    network = Network(SETTINGS, SYMBOLS, labels)
    network.load(random_tensors(SETTINGS, SYMBOLS, labels, seed=3))
    return network.double()


def random_batch() -> TensorBatch:
    ids = torch.randint(SYMBOLS, (6, 3), generator=torch.Generator().manual_seed(1))
    return TensorBatch(
        inputs_TB=ids[:-1],
        targets_TB=ids[1:],
        mask_TB=torch.ones(5, 3, dtype=torch.bool),
        labels_B=torch.tensor([0, -1, 1]),
        row_numbers_TB=torch.arange(15).view(5, 3),
    )


@pytest.mark.parametrize("p", [0.0, 0.4])
def test_gradients_agree_with_finite_differences(p: float) -> None:
    network, batch, dropout = random_network(), random_batch(), Dropout(p, seed=1)
    autograd, state = AutogradPass(network), network.initial_state(batch.labels_B)

    def forward() -> PassResult:
        return autograd.forward(batch, state, dropout, bf16=False, training=True)

    forward().backward()
    step = 1e-6
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.view(-1)[0] += sign * step
                losses.append(forward().nats)
                parameter.view(-1)[0] -= sign * step
        difference = (losses[0] - losses[1]) / (2 * step)
        gradient = float(parameter.grad.view(-1)[0])
        assert gradient == pytest.approx(difference, rel=1e-5, abs=1e-7), name


def test_labels_have_no_gradient_where_no_document_starts() -> None:
    network, batch = random_network(labels=2), random_batch()
    autograd, initial = AutogradPass(network), network.initial_state(batch.labels_B)
    autograd.forward(batch, initial, NO_DROPOUT, bf16=False, training=True).backward()
    assert network.labels.hidden.grad is not None
    network.zero_grad()
    result = autograd.forward(batch, initial.detach(), NO_DROPOUT, bf16=False, training=True)
    assert not result.state.hidden_LBH.requires_grad
    result.backward()
    assert network.labels.hidden.grad is None
    assert network.labels.cell.grad is None


def test_bf16_rounds_products() -> None:
    """torch has no bfloat16 kernel of every layer on every processor; its simple RNN has one."""
    settings = NetworkSettings(cell="rnn", hidden=4, input=3, dropout=0.0)
    network, batch = Network(settings, SYMBOLS), random_batch()
    network.load(random_tensors(settings, SYMBOLS, seed=3))
    autograd, state = AutogradPass(network), network.initial_state(batch.labels_B)
    exact = autograd.forward(batch, state, NO_DROPOUT, bf16=False, training=False)
    rounded = autograd.forward(batch, state, NO_DROPOUT, bf16=True, training=False)
    assert not exact.loss.requires_grad
    assert rounded.nats != exact.nats
    assert rounded.nats == pytest.approx(exact.nats, rel=0.02)
