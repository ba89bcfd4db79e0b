"""Training steps on a CPU: norms, averages, labels, sums over processes, saved states."""

import numpy as np
import pytest
from backends import OPTIMIZERS, cpu_backend, losses, minibatches, take_step
from numpy.typing import NDArray

from charloom.network.dropout import Dropout
from charloom.settings import NetworkSettings, Optimizer
from charloom.training.cpu_backend import CpuBackend
from charloom.training.distributed.launch import ProcessInfo

NETWORK = NetworkSettings(cell="lstm", hidden=9, layers=2, input=4, dropout=0.3)
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS)


def weights_of(backend: CpuBackend) -> NDArray[np.float32]:
    return np.concatenate([tensor.ravel() for tensor in backend.tensors().values()])


def test_a_step_of_sgd_follows_the_scaled_mean_gradient() -> None:
    """The norm and the step are checked against central differences of the mean loss."""
    backend, batch = cpu_backend(NETWORK, "sgd", average=False), next(minibatches(1))
    dropout = Dropout(0.3, seed=5)
    losses(backend, 3)  # the output layer is zero at first
    state = backend.state_dict()
    state["optimizer"]["states"]["momentum"] = {
        name: np.zeros_like(tensor) for name, tensor in backend.tensors().items()
    }
    backend.load_state_dict(state)
    nats, _ = backend.forward_backward(batch, [], dropout)
    norm, before = backend.gradient_norm(), weights_of(backend)
    backend.step(0.001, 0.5)
    direction = before - weights_of(backend)
    # A step of rate 0.001 with half of the gradient; float32 weights round by about 1e-8.
    assert np.linalg.norm(direction) == pytest.approx(0.0005 * norm, rel=1e-3)
    after, _ = backend.forward_backward(batch, [], dropout)
    assert (nats - after) / batch.symbols == pytest.approx(0.0005 * norm**2, rel=0.05)


@optimizers
def test_labels_change_only_where_documents_start(optimizer: Optimizer) -> None:
    backend = cpu_backend(NETWORK, optimizer)
    states: list[object] = []
    starts = set()
    for number, batch in enumerate(minibatches(12)):
        before = backend.tensors()["labels.hidden"]
        _, states = take_step(backend, batch, states, seed=number)
        changed = (backend.tensors()["labels.hidden"] != before).any()
        if number:  # the output layer is zero at first, so that nothing below has a gradient
            assert changed == batch.starts
            starts.add(batch.starts)
    assert starts == {True, False}


def test_the_average_is_swapped_in_and_out() -> None:
    backend, history = cpu_backend(NETWORK), []
    for number, batch in enumerate(minibatches(6)):
        take_step(backend, batch, [], seed=number)
        history.append(weights_of(backend))
    average = np.zeros_like(history[0], dtype=np.float64)
    for step, weights in enumerate(history, start=1):
        average += (weights - average) * 10 / (step + 9)
    with backend.average_swapped_in():
        np.testing.assert_allclose(weights_of(backend), average, rtol=0, atol=1e-6)
    assert (weights_of(backend) == history[-1]).all()


def test_without_an_average_the_last_weights_remain() -> None:
    backend = cpu_backend(NETWORK, average=False)
    losses(backend, 3)
    before = weights_of(backend)
    with backend.average_swapped_in():
        assert (weights_of(backend) == before).all()
    assert "average" not in backend.state_dict()


@optimizers
def test_a_restored_backend_takes_the_same_steps(optimizer: Optimizer) -> None:
    """To the last bit; the first documents of a later minibatch start anew."""
    whole = cpu_backend(NETWORK, optimizer)
    losses(whole, 4)
    restored = cpu_backend(NETWORK, optimizer)
    restored.load_state_dict(whole.state_dict())
    assert losses(whole, 4, skip=4) == losses(restored, 4, skip=4)
    assert (weights_of(whole) == weights_of(restored)).all()


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_sum_over_processes_is_the_gradient_of_the_minibatch(world_size: int) -> None:
    """The collective is played by a dictionary: first all contribute, then all get the sum."""
    batch, dropout = next(minibatches(1)), Dropout(0.3, seed=2)
    single = cpu_backend(NETWORK)
    nats, _ = single.forward_backward(batch, [], dropout)
    backends, parts = [], []
    for rank in range(world_size):
        process = ProcessInfo(rank=rank, world_size=world_size)
        backends.append(cpu_backend(NETWORK, process=process))
        parts.append(backends[-1].forward_backward(batch, [], dropout)[0])
    assert sum(parts) == pytest.approx(nats, rel=1e-6)
    sent: list[NDArray[np.float32]] = []
    for backend in backends:
        backend.all_reduce_gradients(
            lambda array: sent.append(array.copy()), np.ones(3, np.float32)
        )
    total = np.sum(sent, axis=0)
    for backend in backends:
        backend.forward_backward(batch, [], dropout)

        def reduce(array: NDArray[np.float32]) -> None:
            array[:] = total

        numbers = backend.all_reduce_gradients(reduce, np.ones(3, np.float32))
        assert numbers.tolist() == [world_size] * 3
        assert backend.gradient_norm() == pytest.approx(single.gradient_norm(), rel=1e-5)


def test_a_process_without_sequences_contributes_zeros() -> None:
    process = ProcessInfo(rank=9, world_size=10)
    backend, batch = cpu_backend(NETWORK, process=process), next(minibatches(1))
    assert backend.forward_backward(batch, [], Dropout()) == (0.0, [])
    assert backend.gradient_norm() == 0
    whole = backend.gather_states([])
    assert whole is not None
    assert whole["hidden_LBH"] is not None
    assert whole["hidden_LBH"].shape == (2, 0, 9)
