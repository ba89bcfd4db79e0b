"""Parts of a minibatch, side by side: what the whole gives, within the rounding of sums."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from corpora_by_hand import part, vocabulary
from networks import NETWORKS, network_id, random_tensors

from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.batches import DocumentBatches
from charloom.training.data_parallel import MIN_SHARD_SEQUENCES, DataParallel, States
from charloom.training.device import choose_device

TEXTS = [("hello there " * 9)[: 5 + 7 * k] for k in range(12)]
KNOWN = vocabulary(TEXTS)
PLACEMENT = choose_device(TrainingSettings(precision="fp32", device="cpu"))


@pytest.fixture(autouse=True)
def three_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    yield
    torch.set_num_threads(before)


def network(settings: NetworkSettings) -> Network:
    made = Network(settings, len(KNOWN), 2)
    made.load(random_tensors(settings, len(KNOWN), 2, seed=3))
    return made


def batches() -> list[Batch]:
    """Windows of twelve texts of many lengths: streams end, and states are carried."""
    documents = part(TEXTS, KNOWN)
    return list(DocumentBatches(dataset=documents, batch_size=12, window=20, seed=None).epoch(1))


def learned(settings: NetworkSettings, batch_size: int) -> list[tuple[float, list[torch.Tensor]]]:
    """Return nats and gradients of every batch."""
    made, states, result = network(settings), list[object](), []
    parts = DataParallel(made, PLACEMENT, batch_size=batch_size, seed=0)
    with parts.threads:
        carried: States = []
        for batch in batches():
            nats, carried = parts.forward_backward(batch, [] if batch.starts else carried)
            states.append(carried)
            gradients = [torch.zeros(1) if p.grad is None else p.grad for p in made.parameters()]
            result.append((nats, gradients))
        expected = max(1, min(3, batch_size // MIN_SHARD_SEQUENCES))
        assert len(carried) <= expected
        assert max(len(each) for each in states if isinstance(each, list)) == expected
    return result


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_nats_and_gradients_are_those_of_the_whole(settings: NetworkSettings) -> None:
    whole, parted = learned(settings, 4), learned(settings, 12)
    assert len(whole) == len(parted) > 3
    for (nats, gradients), (other, others) in zip(whole, parted, strict=True):
        assert other == pytest.approx(nats, rel=1e-5)
        for gradient, another in zip(gradients, others, strict=True):
            scale = max(float(gradient.abs().max()), 1e-3)
            np.testing.assert_allclose(another, gradient, atol=2e-5 * scale)


def test_measuring_gives_the_same_nats_and_no_gradients() -> None:
    settings = NetworkSettings(hidden=5, input=3, dropout=0.0)
    made = network(settings)
    carried: States = []
    parts = DataParallel(made, PLACEMENT, batch_size=12, seed=0)
    with parts.threads:
        for batch, (nats, _) in zip(batches(), learned(settings, 4), strict=True):
            measured, carried = parts.forward(batch, [] if batch.starts else carried)
            assert measured == pytest.approx(nats, rel=1e-5)
    assert all(parameter.grad is None for parameter in made.parameters())


def test_dropout_is_the_same_each_time_and_another_in_each_part() -> None:
    settings = NetworkSettings(hidden=64, input=3, dropout=0.5)
    one, again = learned(settings, 12), learned(settings, 12)
    assert [nats for nats, _ in one] == [nats for nats, _ in again]
    parts = DataParallel(network(settings), PLACEMENT, batch_size=12, seed=0)
    with parts.threads:
        chances = parts.state_dict()["chances"]
    assert len(chances) > 1
    assert not torch.equal(chances[0], chances[1])


def test_the_number_of_threads_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before = torch.get_num_threads()
    with DataParallel(network(NETWORKS[0]), PLACEMENT, batch_size=32, seed=0).threads:
        pass
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("streams", [1, 2, 5, 12])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_states_are_kept_in_the_order_of_the_streams(
    monkeypatch: pytest.MonkeyPatch, cell: Any, streams: int
) -> None:
    """What three parts carried is taken up by any number of parts, stream for stream."""
    made = network(NetworkSettings(cell=cell, hidden=5, layers=2, input=3, dropout=0.0))
    whole = torch.arange(2.0 * streams * 5).reshape(2, streams, 5)
    cells = -whole if cell == "lstm" else None
    three = DataParallel(made, PLACEMENT, batch_size=12, seed=0)
    carried = [
        State(whole[:, k::3], None if cells is None else cells[:, k::3])
        for k in range(min(3, streams))
    ]
    merged = three.gather_states(carried)
    assert merged is not None
    for key, expected in (("hidden_LBH", whole), ("cell_LBH", cells)):
        found = merged[key]
        assert (found is None) is (expected is None)
        assert found is None or expected is None or torch.equal(found, expected)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    two = DataParallel(made, PLACEMENT, batch_size=12, seed=0)
    divided = two.scatter_states(merged)
    assert len(divided) == min(2, streams)
    for k, state in enumerate(divided):
        assert torch.equal(state.hidden_LBH, whole[:, k::2])
        assert (state.cell_LBH is None) is (cells is None)
    assert two.gather_states([]) is None
    assert two.scatter_states(None) == []


def test_random_states_go_on_and_follow_from_the_step_in_other_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = network(NetworkSettings(hidden=5, input=3, dropout=0.5))

    def draws(parts: DataParallel) -> list[float]:
        states = parts.state_dict()["chances"]
        return [float(torch.rand(1, generator=_generator(state))) for state in states]

    def _generator(state: torch.Tensor) -> torch.Generator:
        generator = torch.Generator()
        generator.set_state(state)
        return generator

    three = DataParallel(made, PLACEMENT, batch_size=12, seed=0)
    again = DataParallel(made, PLACEMENT, batch_size=12, seed=7)
    again.load_state_dict(three.state_dict(), step=5)
    assert draws(again) == draws(three)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    seen = []
    for step in (5, 5, 6):
        two = DataParallel(made, PLACEMENT, batch_size=12, seed=0)
        two.load_state_dict(three.state_dict(), step)
        seen.append(draws(two))
    assert seen[0] == seen[1]
    assert len({*seen[0], *seen[2], *draws(three)}) == 7, "none draws what another drew"
