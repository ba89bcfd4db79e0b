"""The summed loss against log probabilities of the NumPy reference."""

import dataclasses

import numpy as np
import pytest
import torch
from networks import NETWORKS, network_id, random_tensors
from torch.nn import functional

from charloom.network.autograd.dropout import DropoutMask
from charloom.network.autograd.loss import TensorBatch, summed_nats
from charloom.network.autograd.module import Network
from charloom.network.batch import Batch
from charloom.network.dropout import Dropout, output_masks
from charloom.network.reference import Network as Reference
from charloom.settings import NetworkSettings

SYMBOLS = 6
NO_DROPOUT = Dropout()


def random_batch() -> TensorBatch:
    """Return five steps of three sequences, two of which are padded."""
    ids = np.random.default_rng(1).integers(0, SYMBOLS, (6, 3))
    batch = Batch(
        inputs_TB=ids[:-1],
        targets_TB=ids[1:],
        mask_TB=np.arange(5)[:, None] < np.array([5, 3, 1]),
        labels_B=np.full(3, -1),
        starts=True,
        symbols=9,
        characters=9,
    )
    return TensorBatch.from_batch(batch, torch.device("cpu"))


def loaded(settings: NetworkSettings) -> Network:
    network = Network(settings, SYMBOLS)
    network.load(random_tensors(settings, SYMBOLS, seed=3))
    return network.double()


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_the_loss_sums_negative_log_probabilities(settings: NetworkSettings) -> None:
    network, batch = loaded(settings), random_batch()
    reference = Reference(settings, random_tensors(settings, SYMBOLS, seed=3))
    state = reference.initial_state(batch.labels_B.numpy())
    expected = 0.0
    for ids_B, targets_B, mask_B in zip(
        batch.inputs_TB.numpy(), batch.targets_TB.numpy(), batch.mask_TB.numpy(), strict=True
    ):
        logits_BV, state = reference.step(ids_B, state)
        log_sums_B = np.log(np.exp(logits_BV).sum(1))
        expected += (log_sums_B - logits_BV[np.arange(3), targets_B])[mask_B].sum()
    state_before = network.initial_state(batch.labels_B)
    nats, last = summed_nats(network, batch, state_before, NO_DROPOUT)
    assert nats.item() == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(last.hidden_LBH.detach().numpy(), state.hidden, rtol=0, atol=1e-12)


def test_targets_at_padding_do_not_matter() -> None:
    network, batch = loaded(NetworkSettings(hidden=4, input=3)), random_batch()
    state = network.initial_state(batch.labels_B)
    nats, _ = summed_nats(network, batch, state, NO_DROPOUT)
    targets_TB = torch.where(batch.mask_TB, batch.targets_TB, 0)
    changed = dataclasses.replace(batch, targets_TB=targets_TB)
    assert summed_nats(network, changed, state, NO_DROPOUT)[0].item() == nats.item()


def test_the_loss_is_the_mean_over_the_masks() -> None:
    network, batch = loaded(NetworkSettings(hidden=20, input=3)), random_batch()
    state, dropout = network.initial_state(batch.labels_B), Dropout(0.6, seed=5)
    with torch.no_grad():
        nats, _ = summed_nats(network, batch, state, dropout)
        hidden_TBH, _ = network(batch.inputs_TB, state)
        mask = DropoutMask(dropout, batch.row_numbers_TB).select(batch.mask_TB)
        masks = output_masks(network.settings, SYMBOLS, dropout)
        under_KNH = mask.apply(hidden_TBH[batch.mask_TB], depth=1, masks=masks)
        targets_N = batch.targets_TB[batch.mask_TB]
        each = [
            functional.cross_entropy(network.logits(one), targets_N, reduction="sum").item()
            for one in under_KNH
        ]
    assert len(each) == 4
    assert len({round(one, 3) for one in each}) == 4
    assert nats.item() == pytest.approx(sum(each) / 4, rel=1e-10)
