"""The torch network equals the NumPy reference, and many steps at once equal single steps.

Tolerances: torch computes in float64 here, so only the order of sums differs.
"""

import numpy as np
import pytest
import torch
from networks import NETWORKS, network_id, random_tensors

from charloom.network.autograd.module import Network, State
from charloom.network.reference import Network as Reference
from charloom.settings import NetworkSettings

SYMBOLS, LABELS, STEPS, STREAMS = 7, 3, 12, 4
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def trained(settings: NetworkSettings, labels: int = LABELS) -> Network:
    network = Network(settings, SYMBOLS, labels)
    network.load(random_tensors(settings, SYMBOLS, labels, seed=1))
    return network.double().eval()


def ids() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(2).integers(0, SYMBOLS, (STEPS, STREAMS)))


def labels() -> torch.Tensor:
    return torch.tensor([0, -1, 2, 1])


@networks
def test_torch_equals_numpy(settings: NetworkSettings) -> None:
    network = trained(settings)
    reference = Reference(settings, random_tensors(settings, SYMBOLS, LABELS, seed=1))
    hidden_TBH, _ = network(ids(), network.initial_state(labels()))
    logits_TBV = network.logits(hidden_TBH).detach().numpy()
    state = reference.initial_state(labels().numpy())
    for step, ids_B in enumerate(ids().numpy()):
        logits_BV, state = reference.step(ids_B, state)
        np.testing.assert_allclose(logits_TBV[step], logits_BV, rtol=1e-10, atol=1e-12)


@networks
def test_many_steps_at_once_equal_single_steps(settings: NetworkSettings) -> None:
    network = trained(settings)
    whole_TBH, end = network(ids(), network.initial_state(labels()))
    state, rows = network.initial_state(labels()), []
    for ids_B in ids():
        row_1BH, state = network(ids_B[None], state)
        rows.append(row_1BH)
    torch.testing.assert_close(torch.cat(rows), whole_TBH, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(state.hidden_LBH, end.hidden_LBH, rtol=1e-12, atol=1e-13)
    if end.cell_LBH is not None:
        torch.testing.assert_close(state.cell_LBH, end.cell_LBH, rtol=1e-12, atol=1e-13)


@networks
def test_no_label_is_the_zero_state(settings: NetworkSettings) -> None:
    network = trained(settings)
    state: State = network.initial_state(torch.tensor([-1, 1]))
    assert not state.hidden_LBH[:, 0].any()
    assert state.hidden_LBH[:, 1].all()
    without = trained(settings, labels=0).initial_state(torch.tensor([-1]))
    assert not without.hidden_LBH.any()


@networks
def test_loaded_tensors_have_the_same_bits(settings: NetworkSettings) -> None:
    network = Network(settings, SYMBOLS, LABELS)
    tensors = random_tensors(settings, SYMBOLS, LABELS)
    network.load(tensors)
    loaded = network.tensors()
    assert set(loaded) == set(tensors)
    for key, tensor in loaded.items():
        assert tensor.tobytes() == tensors[key].tobytes()
