"""The summed loss against log probabilities of the NumPy reference."""

import dataclasses

import numpy as np
import pytest
import torch
from networks import NETWORKS, network_id, random_tensors

from charloom.network.autograd.loss import summed_nats
from charloom.network.autograd.module import Network
from charloom.network.backprop.batch import Batch
from charloom.network.reference import Network as Reference
from charloom.settings import NetworkSettings

SYMBOLS = 6


def random_batch() -> Batch:
    """Return five steps of three sequences, two of which are padded."""
    ids = torch.from_numpy(np.random.default_rng(1).integers(0, SYMBOLS, (6, 3)))
    mask_TB = torch.arange(5)[:, None] < torch.tensor([5, 3, 1])
    return Batch(
        inputs_TB=ids[:-1],
        targets_TB=ids[1:].clone(),
        mask_TB=mask_TB,
        labels_B=torch.full((3,), -1),
        starts=True,
        symbols=9,
        characters=9,
    )


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_the_loss_sums_negative_log_probabilities(settings: NetworkSettings) -> None:
    tensors = random_tensors(settings, SYMBOLS, seed=3)
    network, batch = Network(settings, SYMBOLS), random_batch()
    network.load(tensors)
    network = network.double()
    reference = Reference(settings, tensors)
    state = reference.initial_state(batch.labels_B.numpy())
    expected = 0.0
    for ids_B, targets_B, mask_B in zip(
        batch.inputs_TB.numpy(), batch.targets_TB.numpy(), batch.mask_TB.numpy(), strict=True
    ):
        logits_BV, state = reference.step(ids_B, state)
        log_sums_B = np.log(np.exp(logits_BV).sum(1))
        expected += (log_sums_B - logits_BV[np.arange(3), targets_B])[mask_B].sum()
    nats, last = summed_nats(network, batch, network.initial_state(batch.labels_B))
    assert nats.item() == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(last.hidden_LBH.detach().numpy(), state.hidden, rtol=0, atol=1e-12)


def test_targets_at_padding_do_not_matter() -> None:
    network, batch = Network(NetworkSettings(hidden=4), SYMBOLS).eval(), random_batch()
    torch.nn.init.normal_(network.output.weight)
    state = network.initial_state(batch.labels_B)
    nats, _ = summed_nats(network, batch, state)
    targets_TB = torch.where(batch.mask_TB, batch.targets_TB, 0)
    changed, _ = summed_nats(network, dataclasses.replace(batch, targets_TB=targets_TB), state)
    assert changed.item() == nats.item()
