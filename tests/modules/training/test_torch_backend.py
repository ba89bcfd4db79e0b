"""Training by torch: sums over processes, states, memory.

The law of equal steps is in tests/laws/test_backends_agree.py.
"""

import numpy as np
import pytest
import torch
from backends import FP32, cpu_backend, initial, minibatches, settings_of
from torch import Tensor

from charloom.network.dropout import Dropout
from charloom.settings import NetworkSettings
from charloom.training.device import DeviceConfig
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.torch_backend import TorchBackend

NETWORK = NetworkSettings(cell="lstm", hidden=9, layers=2, input=4, dropout=0.3)


def torch_backend(process: ProcessInfo = SINGLE_PROCESS) -> TorchBackend:
    return TorchBackend(NETWORK, initial(NETWORK), settings_of("adamw"), FP32, process)


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_sum_over_processes_is_the_gradient_of_the_minibatch(world_size: int) -> None:
    batch, dropout = next(minibatches(1)), Dropout(0.3, seed=2)
    single = torch_backend()
    nats, _ = single.forward_backward(batch, [], dropout)
    backends = [
        torch_backend(ProcessInfo(rank=r, world_size=world_size)) for r in range(world_size)
    ]
    assert sum(b.forward_backward(batch, [], dropout)[0] for b in backends) == pytest.approx(nats)
    sent: list[Tensor] = []
    for backend in backends:
        backend.all_reduce_gradients(
            lambda tensor: sent.append(tensor.clone()), np.ones(2, np.float32)
        )
    total = torch.stack(sent).sum(0)
    for backend in backends:
        numbers = backend.all_reduce_gradients(
            lambda tensor: tensor.copy_(total), np.ones(2, np.float32)
        )
        assert numbers.tolist() == [world_size] * 2
        assert backend.gradient_norm() == pytest.approx(single.gradient_norm(), rel=1e-5)


def test_a_process_without_sequences_has_no_loss_and_no_gradient() -> None:
    backend = torch_backend(ProcessInfo(rank=9, world_size=10))
    batch = next(minibatches(1))
    assert backend.forward_backward(batch, [], Dropout()) == (0.0, [])
    assert backend.forward(batch, []) == (0.0, [])
    assert backend.gradient_norm() == 0
    whole = backend.gather_states([])
    assert whole is not None
    assert whole["hidden_LBH"] is not None
    assert whole["hidden_LBH"].shape == (2, 0, 9)


def test_states_are_gathered_as_those_of_a_cpu() -> None:
    batch, ours, theirs = next(minibatches(1)), cpu_backend(NETWORK), torch_backend()
    expected = ours.gather_states(ours.forward(batch, [])[1])
    whole = theirs.gather_states(theirs.forward(batch, [])[1])
    assert expected is not None
    assert whole is not None
    for name, value in expected.items():
        actual = whole[name]
        assert actual is not None
        assert value is not None
        np.testing.assert_allclose(actual, value, rtol=0, atol=1e-6)
    again = theirs.gather_states(theirs.scatter_states(whole))
    assert again is not None
    assert np.array_equal(again["cell_LBH"], whole["cell_LBH"])  # type: ignore[arg-type]
    assert theirs.scatter_states(None) == []
    assert theirs.gather_states([]) is None


def test_bfloat16_rounds_the_products_of_training_only() -> None:
    """torch has bfloat16 kernels of a simple RNN on every processor."""
    network = NetworkSettings(cell="rnn", hidden=9, input=4, dropout=0.0)
    batch, nats = next(minibatches(1)), []
    for bf16 in (False, True):
        device = DeviceConfig(device="cpu", bf16=bf16)
        backend = TorchBackend(network, initial(network), settings_of("adamw"), device)
        backend.forward_backward(batch, [], Dropout())
        backend.step(0.1, 1.0)
        trained = backend.forward_backward(batch, [], Dropout())[0]
        nats.append((trained, backend.forward(batch, [])[0]))
    assert nats[0][0] == pytest.approx(nats[0][1], rel=1e-6)
    assert nats[1][0] != nats[1][1]


def test_a_cpu_has_no_memory_of_its_own() -> None:
    assert torch_backend().device_bytes() is None
