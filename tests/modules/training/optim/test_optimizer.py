from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from charloom.network.autograd.module import Network
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.optim.optimizer import Optimizer, build_optimizer, clip_gradients
from charloom.training.state_codec import pack, unpack
from charloom.training.threads import ThreadPool


def set_gradients(
    weights: Sequence[nn.Parameter], seed: int, *, without: int | None = None
) -> None:
    """Give all weights random gradients, except for the one at index ``without``."""
    generator = torch.Generator().manual_seed(seed)
    for index, weight in enumerate(weights):
        gradient = torch.randn(weight.shape, generator=generator)
        weight.grad = None if index == without else gradient


def test_biases_do_not_decay() -> None:
    network = nn.Linear(2, 2)
    nn.init.ones_(network.weight)
    nn.init.ones_(network.bias)
    optimizer = build_optimizer(network, TrainingSettings(weight_decay=0.5))
    network.weight.grad = torch.zeros(2, 2)
    network.bias.grad = torch.zeros(2)
    optimizer.step(0.1)
    assert network.weight[0, 0].item() == pytest.approx(0.95)
    assert network.bias[0].item() == 1


def test_muon_updates_the_matrices_of_recurrent_layers_and_adamw_the_rest() -> None:
    network = Network(NetworkSettings(hidden=3, layers=2, input=2), vocabulary_size=5, labels=2)
    settings = TrainingSettings(optimizer="muon", weight_decay=0.0)
    optimizer = build_optimizer(network, settings)
    parameters = dict(network.named_parameters())
    before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    set_gradients(list(parameters.values()), seed=0)
    optimizer.step(0.1)
    matrices = {
        f"cells.{layer}.{kind}_weight" for layer in (0, 1) for kind in ("input", "recurrent")
    }
    assert matrices < set(parameters)
    for name, parameter in parameters.items():
        change = (parameter.detach() - before[name]).double().numpy()
        if name in matrices:
            rows, columns = change.shape
            size = 0.1 * 10 / 3 * max(1.0, rows / columns) ** 0.5
            singular_values = np.linalg.svd(change, compute_uv=False)
            assert 0.85 * size < singular_values.min() <= singular_values.max() < 1.15 * size
        else:  # the first step of AdamW is the learning rate against the sign of the gradient
            np.testing.assert_allclose(np.abs(change), 0.1, rtol=1e-3)


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_several_threads_take_the_same_step(name: str) -> None:
    results = []
    for count in (1, 2, 4):
        torch.manual_seed(0)
        network = Network(NetworkSettings(hidden=330, layers=2, input=20), vocabulary_size=5)
        settings = TrainingSettings(optimizer=name)  # type: ignore[arg-type]
        with ThreadPool(count) as threads:
            optimizer = build_optimizer(network, settings, threads)
            for seed in range(2):
                set_gradients(list(network.parameters()), seed)
                optimizer.step(0.1)
        results.append(torch.cat([weight.detach().flatten() for weight in network.parameters()]))
    # Products in chunks may sum in another order.
    for result in results[1:]:
        torch.testing.assert_close(results[0], result, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["muon", "adamw", "rmsprop", "sgd"])
def test_an_optimizer_restored_from_a_checkpoint_takes_the_same_steps(name: str) -> None:
    def build() -> tuple[Optimizer, list[nn.Parameter]]:
        torch.manual_seed(0)
        network = Network(NetworkSettings(hidden=3, input=2), vocabulary_size=5, labels=2)
        settings = TrainingSettings(optimizer=name)  # type: ignore[arg-type]
        return build_optimizer(network, settings), list(network.parameters())

    def take_steps(optimizer: Optimizer, weights: list[nn.Parameter], seeds: range) -> None:
        for seed in seeds:
            set_gradients(weights, seed, without=seed % 2 or None)
            optimizer.step(0.1)

    whole, weights = build()
    take_steps(whole, weights, range(7))
    stopped, stopped_weights = build()
    take_steps(stopped, stopped_weights, range(3))
    resumed, resumed_weights = build()
    for old, new in zip(stopped_weights, resumed_weights, strict=True):
        new.data.copy_(old.data)
    resumed.load_state_dict(unpack(*pack(stopped.state_dict())))
    take_steps(resumed, resumed_weights, range(3, 7))
    for weight, other in zip(weights, resumed_weights, strict=True):
        assert torch.equal(weight, other)


@pytest.mark.parametrize(("max_norm", "expected"), [(6.5, [1.5, 2.0]), (13.0, [3.0, 4.0])])
def test_gradients_are_scaled_down_to_the_largest_norm(
    max_norm: float, expected: list[float]
) -> None:
    first, second, third = (nn.Parameter(torch.zeros(2)) for _ in range(3))
    first.grad = torch.tensor([3.0, 4.0])
    second.grad = torch.tensor([12.0, 0.0])
    assert clip_gradients([first, second, third], max_norm) == pytest.approx(13.0)
    assert first.grad.tolist() == pytest.approx(expected)
    assert third.grad is None


def test_without_gradients_their_norm_is_zero() -> None:
    assert clip_gradients([nn.Parameter(torch.zeros(2))], 1.0) == 0.0
