"""Training on a CPU by NumPy and Numba equals training by torch, step by step.

Both start from the same weights and read the same minibatches under the same dropout masks, in
float32. Sums round differently; twenty steps let that grow to about 1e-6. The golden losses are
therefore those of torch too.
"""

import pytest
from backends import (
    FP32,
    OPTIMIZERS,
    cpu_backend,
    initial,
    losses,
    minibatches,
    settings_of,
    take_step,
)
from networks import NETWORKS, network_id

from charloom.settings import NetworkSettings, Optimizer
from charloom.training.backend import Backend, States
from charloom.training.torch_backend import TorchBackend

networks = pytest.mark.parametrize("network", NETWORKS, ids=network_id)
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS)
DROPOUT = NetworkSettings(cell="lstm", hidden=16, layers=2, dropout=0.4)


def torch_backend(network: NetworkSettings, optimizer: Optimizer) -> TorchBackend:
    return TorchBackend(network, initial(network), settings_of(optimizer), FP32)


@networks
@optimizers
def test_twenty_steps_have_the_same_losses(network: NetworkSettings, optimizer: Optimizer) -> None:
    expected = losses(torch_backend(network, optimizer))
    assert losses(cpu_backend(network, optimizer)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("p", [0.3, 0.6])
@pytest.mark.parametrize("threads", [1, 2])
def test_dropout_has_the_same_masks(p: float, threads: int) -> None:
    network = NetworkSettings(cell="lstm", hidden=16, layers=2, dropout=p)
    expected = losses(torch_backend(network, "adamw"))
    ours = cpu_backend(network, "adamw", threads=threads)
    assert losses(ours) == pytest.approx(expected, rel=1e-5)


@optimizers
@pytest.mark.parametrize("to_torch", [True, False])
def test_a_run_continues_on_the_other_backend(optimizer: Optimizer, to_torch: bool) -> None:
    """Parameters, optimizer state, average and hidden states are carried over."""
    steps, stop = 12, 5
    whole = cpu_backend(DROPOUT, optimizer)
    expected = losses(whole, steps)
    pair: tuple[Backend, Backend] = (
        cpu_backend(DROPOUT, optimizer),
        torch_backend(DROPOUT, optimizer),
    )
    first, second = pair if to_torch else pair[::-1]
    result: list[float] = []
    states: States = []
    for number, batch in enumerate(minibatches(steps)):
        if number == stop:
            second.load_state_dict(first.state_dict())
            states = second.scatter_states(first.gather_states(states))
        backend = first if number < stop else second
        loss, states = take_step(backend, batch, states, seed=number)
        result.append(loss)
    assert result == pytest.approx(expected, rel=1e-5)
    with whole.average_swapped_in(), second.average_swapped_in():
        for name, tensor in whole.tensors().items():
            assert second.tensors()[name] == pytest.approx(tensor, abs=1e-4), name
