"""AdamW, RMSprop and SGD against their formulas, and torch's classes bit for bit."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from charloom.training.optim.rules import BETAS, SGD, AdamW, ParameterOptimizer, RMSprop

LEARNING_RATE = 0.1
GRADIENTS = [0.3, -0.2, 0.5]

Weights = list[nn.Parameter]
PAIRS: dict[
    str, tuple[Callable[[Weights], ParameterOptimizer], Callable[[Weights], torch.optim.Optimizer]]
] = {
    "adamw": (
        lambda weights: AdamW(weights, decay=0.3),
        lambda weights: torch.optim.AdamW(
            weights, lr=LEARNING_RATE, betas=BETAS, weight_decay=0.3, fused=True
        ),
    ),
    "rmsprop": (
        RMSprop,
        lambda weights: torch.optim.RMSprop(weights, lr=LEARNING_RATE, alpha=0.9, eps=1e-7),
    ),
    "sgd": (SGD, lambda weights: torch.optim.SGD(weights, lr=LEARNING_RATE, momentum=0.9)),
}


def train_weight(build: Callable[[Weights], ParameterOptimizer]) -> float:
    """Return a weight that was 1 at first, after one step for each gradient."""
    weight = nn.Parameter(torch.ones(1))
    optimizer = build([weight])
    for gradient in GRADIENTS:
        weight.grad = torch.tensor([gradient])
        optimizer.step(LEARNING_RATE)
    return weight.item()


def test_adamw_takes_the_steps_of_its_paper() -> None:
    weight, mean, square = 1.0, 0.0, 0.0
    for step, gradient in enumerate(GRADIENTS, start=1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        weight -= LEARNING_RATE * 0.2 * weight
        scale = np.sqrt(square / (1 - 0.99**step)) + 1e-8
        weight -= LEARNING_RATE * mean / (1 - 0.9**step) / scale
    assert train_weight(lambda weights: AdamW(weights, decay=0.2)) == pytest.approx(
        weight, rel=1e-6
    )


def test_rmsprop_divides_by_a_running_root_mean_square() -> None:
    weight, square = 1.0, 0.0
    for gradient in GRADIENTS:
        square = 0.9 * square + 0.1 * gradient**2
        weight -= LEARNING_RATE * gradient / (np.sqrt(square) + 1e-7)
    assert train_weight(RMSprop) == pytest.approx(weight, rel=1e-6)


def test_sgd_has_a_momentum_of_nine_tenths() -> None:
    weight, velocity = 1.0, 0.0
    for gradient in GRADIENTS:
        velocity = 0.9 * velocity + gradient
        weight -= LEARNING_RATE * velocity
    assert train_weight(SGD) == pytest.approx(weight, rel=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_steps_are_those_of_torch_bit_for_bit(name: str) -> None:
    weights = [nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4)), nn.Parameter(torch.ones(5))]
    copies = copy.deepcopy(weights)
    ours, torchs = PAIRS[name][0](weights), PAIRS[name][1](copies)
    generator = torch.Generator().manual_seed(0)
    for step in range(6):
        for index, (weight, other) in enumerate(zip(weights, copies, strict=True)):
            gradient = torch.randn(weight.shape, generator=generator)
            # At one step a weight has no gradient: it and its state are left unchanged.
            missing = (step, index) == (2, 1)
            weight.grad = None if missing else gradient
            other.grad = None if missing else gradient.clone()
        ours.step(LEARNING_RATE)
        torchs.step()
        for weight, other in zip(weights, copies, strict=True):
            assert torch.equal(weight, other)


@pytest.mark.parametrize("name", PAIRS)
def test_a_restored_state_takes_the_same_step(name: str) -> None:
    def steps(weight: nn.Parameter, optimizer: ParameterOptimizer, gradients: list[float]) -> None:
        for gradient in gradients:
            weight.grad = torch.tensor([gradient])
            optimizer.step(LEARNING_RATE)

    build = PAIRS[name][0]
    weight = nn.Parameter(torch.ones(1))
    optimizer = build([weight])
    steps(weight, optimizer, GRADIENTS)
    resumed_weight = nn.Parameter(weight.detach().clone())
    resumed = build([resumed_weight])
    resumed.load_state_dict(optimizer.state_dict())
    steps(weight, optimizer, [0.7])
    steps(resumed_weight, resumed, [0.7])
    assert torch.equal(resumed_weight, weight)
