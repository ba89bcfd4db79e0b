import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from charloom.learning.network import Network
from charloom.learning.optimizer import build_optimizer, learning_rate, set_learning_rate
from charloom.settings import NetworkSettings, TrainingSettings


def test_linear_rises_from_a_tenth_and_falls_to_zero() -> None:
    settings = TrainingSettings(learning_rate=0.5, schedule="linear")
    at = {share: learning_rate(settings, share) for share in (0, 0.01, 0.02, 0.51, 1)}
    assert at == pytest.approx({0: 0.05, 0.01: 0.275, 0.02: 0.5, 0.51: 0.25, 1: 0})


@given(progress=st.floats(0, 1))
def test_the_rate_stays_between_zero_and_the_highest(progress: float) -> None:
    assert 0 <= learning_rate(TrainingSettings(learning_rate=0.5), progress) <= 0.5
    constant = TrainingSettings(learning_rate=0.5, schedule="constant")
    assert learning_rate(constant, progress) == 0.5


def stepped(optimizer: str, gradients: list[float], **options: float) -> float:
    """Return a weight that began at 1 after one step for each gradient."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.ones_(network.weight)
    settings = TrainingSettings(optimizer=optimizer, learning_rate=0.1, **options)  # type: ignore[arg-type]
    built = build_optimizer(network, settings)
    for gradient in gradients:
        network.weight.grad = torch.full((1, 1), gradient)
        built.step()
    return network.weight.item()


def test_adamw_takes_the_steps_of_its_paper() -> None:
    weight, first, second = 1.0, 0.0, 0.0
    for step, gradient in enumerate([0.3, -0.2, 0.5], start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        weight -= 0.1 * 0.2 * weight
        scale = np.sqrt(second / (1 - 0.99**step)) + 1e-8
        weight -= 0.1 * first / (1 - 0.9**step) / scale
    assert stepped("adamw", [0.3, -0.2, 0.5], weight_decay=0.2) == pytest.approx(weight, rel=1e-6)


def test_rmsprop_divides_by_a_running_root_mean_square() -> None:
    weight, square = 1.0, 0.0
    for gradient in [0.3, -0.2, 0.5]:
        square = 0.9 * square + 0.1 * gradient**2
        weight -= 0.1 * gradient / (np.sqrt(square) + 1e-7)
    assert stepped("rmsprop", [0.3, -0.2, 0.5]) == pytest.approx(weight, rel=1e-6)


def test_sgd_has_momentum() -> None:
    weight, velocity = 1.0, 0.0
    for gradient in [0.3, -0.2, 0.5]:
        velocity = 0.9 * velocity + gradient
        weight -= 0.1 * velocity
    assert stepped("sgd", [0.3, -0.2, 0.5]) == pytest.approx(weight, rel=1e-6)


def test_biases_do_not_decay() -> None:
    network = nn.Linear(2, 2)
    nn.init.ones_(network.weight)
    nn.init.ones_(network.bias)
    built = build_optimizer(network, TrainingSettings(learning_rate=0.1, weight_decay=0.5))
    network.weight.grad = torch.zeros(2, 2)
    network.bias.grad = torch.zeros(2)
    built.step()
    assert network.weight[0, 0].item() == pytest.approx(0.95)
    assert network.bias[0].item() == 1


def test_the_rate_that_was_set_is_used() -> None:
    network = nn.Linear(1, 1)
    built = build_optimizer(network, TrainingSettings(optimizer="adamw"))
    set_learning_rate(built, 0.0125)
    assert {group["lr"] for group in built.param_groups} == {0.0125}


def test_muon_turns_the_matrices_of_recurrent_layers_alone() -> None:
    network = Network(NetworkSettings(hidden=3, layers=2, input=2), symbols=5, labels=2)
    built = build_optimizer(network, TrainingSettings(optimizer="muon", learning_rate=0.1))
    names = {parameter: name for name, parameter in network.named_parameters()}
    turned = [group["params"] for group in built.param_groups if group["orthogonal"]]
    assert sorted(names[parameter] for group in turned for parameter in group) == [
        f"cells.{layer}.{kind}_weight" for layer in (0, 1) for kind in ("input", "recurrent")
    ]
    rest = [group["params"] for group in built.param_groups if not group["orthogonal"]]
    assert sum(map(len, rest)) + sum(map(len, turned)) == len(names)
    set_learning_rate(built, 0.3)
    assert [group["lr"] for group in built.param_groups] == pytest.approx([0.3, 0.3, 1.0])
