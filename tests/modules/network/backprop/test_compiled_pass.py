"""The compiled pass over a minibatch against torch's autograd in float64."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from corpora_by_hand import part, vocabulary
from networks import NETWORKS, network_id, random_tensors
from numpy.typing import NDArray

from charloom.network.autograd.autograd_pass import AutogradPass
from charloom.network.autograd.loss import TensorBatch
from charloom.network.autograd.module import Network
from charloom.network.backprop.compiled_pass import CompiledPass
from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.network.reference import State, initial_state
from charloom.settings import NetworkSettings
from charloom.training.validation_batches import ValidationBatches

TEXTS = [("hello there " * 9)[: 5 + 7 * k] for k in range(13)]
KNOWN = vocabulary(TEXTS)
FEW = NetworkSettings(cell="gru", hidden=40, layers=2, input=3, dropout=0.0)
"""A network for minibatches with fewer positions than there are symbols."""

Tensors = dict[str, NDArray[np.float32]]
NO_DROPOUT = Dropout()


def tensors_of(settings: NetworkSettings, labels: int = 2) -> Tensors:
    # Large weights make the loss less smooth, and float32 less exact.
    scale = 0.5 if settings.hidden <= 5 else 0.15
    return random_tensors(settings, len(KNOWN), labels, seed=3, scale=scale)


def first_state(settings: NetworkSettings, tensors: Tensors, batch: Batch) -> State:
    return initial_state(settings, tensors, batch.labels_B, np.dtype(np.float32))


def batches(batch_size: int = 13, window: int = 20) -> Iterator[Batch]:
    """Yield windows of documents of many lengths: sequences end, and states are carried.

    A third of the documents has no label.
    """
    documents = part(TEXTS, KNOWN, labels=[number % 3 - 1 for number in range(len(TEXTS))])
    yield from ValidationBatches(dataset=documents, batch_size=batch_size, window=window)


def compare(
    settings: NetworkSettings, minibatches: Iterator[Batch], *, bf16: bool, p: float = 0.0
) -> None:
    """Compare loss, states and gradients of both passes, minibatch by minibatch."""
    tensors = tensors_of(settings)
    module = Network(settings, len(KNOWN), 2)
    module.load(tensors)
    double = module.double()
    compiled, autograd = CompiledPass(settings, tensors), AutogradPass(double)
    error = 0.03 if bf16 else 3e-6
    for number, batch in enumerate(minibatches):
        count, on_cpu = len(batch.labels_B), TensorBatch.from_batch(batch, torch.device("cpu"))
        if batch.starts:
            state = first_state(settings, tensors, batch)
            expected_state = double.initial_state(on_cpu.labels_B)
        state = state.select(slice(count))
        expected_state = expected_state.first_sequences(count)
        dropout = Dropout(p, seed=number)
        result = compiled.forward(batch, state, dropout, bf16=bf16)
        expected = autograd.forward(on_cpu, expected_state, dropout, bf16=False, training=True)
        assert result.nats == pytest.approx(expected.nats, rel=error / 10)
        state, expected_state = result.state, expected.state
        for value, oracle in (
            (state.hidden, expected_state.hidden_LBH),
            (state.cell, expected_state.cell_LBH),
        ):
            assert (value is None) == (oracle is None)
            if value is not None and oracle is not None:
                np.testing.assert_allclose(value, oracle.numpy(), rtol=0, atol=error)
        # Each gradient is written as a whole, whatever was there before.
        gradients = {name: np.full_like(tensor, np.nan) for name, tensor in tensors.items()}
        result.backward(gradients)
        double.zero_grad()
        expected.backward()
        for name, parameter in double.named_parameters():
            grad = parameter.grad
            oracle_grad = np.zeros(parameter.shape) if grad is None else grad.numpy()
            limit = 4 * error * float(np.linalg.norm(oracle_grad)) + 1e-7
            assert float(np.linalg.norm(gradients[name] - oracle_grad)) <= limit, name


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_loss_states_and_gradients_equal_autograd(settings: NetworkSettings, bf16: bool) -> None:
    compare(settings, batches(), bf16=bf16)


@pytest.mark.parametrize("bf16", [False, True])
def test_fewer_positions_than_symbols_equal_autograd(bf16: bool) -> None:
    assert next(batches(batch_size=2, window=3)).inputs_TB.size < len(KNOWN)
    compare(FEW, batches(batch_size=2, window=3), bf16=bf16)


@pytest.mark.parametrize("p", [0.2, 0.6])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_dropout_equals_autograd(settings: NetworkSettings, p: float) -> None:
    compare(settings, batches(), bf16=False, p=p)


def test_the_seed_decides_what_is_dropped() -> None:
    settings = NetworkSettings(cell="lstm", hidden=16, layers=2, input=3, dropout=0.5)
    tensors, batch = tensors_of(settings), next(batches())
    compiled, state = CompiledPass(settings, tensors), first_state(settings, tensors, batch)

    def nats(seed: int) -> float:
        return compiled.forward(batch, state, Dropout(0.5, seed), bf16=False).nats

    assert nats(1) == nats(1)
    assert len({nats(seed) for seed in range(5)}) == 5
    whole = compiled.forward(batch, state, NO_DROPOUT, bf16=False).nats
    # The mean over many masks is close to the loss without dropout but above it, since the loss is
    # convex in the logits. 200 losses with a spread of about 3 %.
    dropped = [nats(seed) for seed in range(200)]
    assert whole < sum(dropped) / 200 < 1.2 * whole


@pytest.mark.parametrize("shards", [2, 3])
def test_shards_have_the_masks_of_the_minibatch(shards: int) -> None:
    settings = NetworkSettings(cell="gru", hidden=16, layers=2, input=3, dropout=0.5)
    tensors, batch = tensors_of(settings), next(batches())
    compiled = CompiledPass(settings, tensors)

    def nats(part: Batch) -> float:
        state = first_state(settings, tensors, part)
        return compiled.forward(part, state, Dropout(0.5, 7), bf16=False).nats

    parts = [nats(batch.shard(index, shards)) for index in range(shards)]
    assert sum(parts) == pytest.approx(nats(batch), rel=1e-6)


@pytest.mark.parametrize("settings", [FEW, NETWORKS[0]], ids=network_id)
def test_parameters_may_change_in_place(settings: NetworkSettings) -> None:
    """An optimizer, an average and a checkpoint change them in place."""
    tensors, batch = tensors_of(settings), next(batches())
    compiled, state = CompiledPass(settings, tensors), first_state(settings, tensors, batch)
    before = compiled.forward(batch, state, NO_DROPOUT, bf16=False).nats
    for tensor in tensors.values():
        tensor[...] *= 0.5
    halved = compiled.forward(batch, state, NO_DROPOUT, bf16=False).nats
    assert halved != before
    again = CompiledPass(settings, tensors).forward(batch, state, NO_DROPOUT, bf16=False)
    assert halved == again.nats


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_gradients_that_are_left_out_change_no_other(settings: NetworkSettings, bf16: bool) -> None:
    """Each parameter in turn is the lowest one that is trained; () trains the output alone."""
    tensors, batch = tensors_of(settings), next(batches())
    compiled = CompiledPass(settings, tensors)

    def gradients(names: tuple[str, ...]) -> Tensors:
        state = first_state(settings, tensors, batch)
        result = compiled.forward(batch, state, Dropout(0.3, seed=2), bf16=bf16)
        grads = {name: np.full_like(tensors[name], np.nan) for name in names}
        result.backward(grads)
        return grads

    whole = gradients(tuple(tensors))
    output = ("output.weight", "output.bias")
    for trained in dict.fromkeys((name, *output) for name in tensors if name not in output):
        for name, grad in gradients(trained).items():
            assert np.array_equal(grad, whole[name]), name
    assert all(np.array_equal(grad, whole[name]) for name, grad in gradients(output).items())
