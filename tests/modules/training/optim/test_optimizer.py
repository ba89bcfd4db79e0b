import copy
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import nn

from charloom.network.autograd.module import Network
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.optim.muon import Muon
from charloom.training.optim.optimizer import Optimizer, build_optimizer
from charloom.training.optim.rules import BETAS, SGD, AdamW, ParameterOptimizer, RMSprop
from charloom.training.state_codec import pack, unpack
from charloom.training.threads import ThreadPool


def stepped(optimizer: str, gradients: list[float], **options: float) -> float:
    """Return a weight that began at 1 after one step for each gradient."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.ones_(network.weight)
    settings = TrainingSettings(optimizer=optimizer, **options)  # type: ignore[arg-type]
    built = build_optimizer(network, settings)
    for gradient in gradients:
        network.weight.grad = torch.full((1, 1), gradient)
        built.step(0.1)
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
    built = build_optimizer(network, TrainingSettings(weight_decay=0.5))
    network.weight.grad = torch.zeros(2, 2)
    network.bias.grad = torch.zeros(2)
    built.step(0.1)
    assert network.weight[0, 0].item() == pytest.approx(0.95)
    assert network.bias[0].item() == 1


def test_muon_turns_the_matrices_of_recurrent_layers_alone() -> None:
    network = Network(NetworkSettings(hidden=3, layers=2, input=2), vocabulary_size=5, labels=2)
    built = build_optimizer(network, TrainingSettings(optimizer="muon"))
    names = {parameter: name for name, parameter in network.named_parameters()}
    changed = [(rule, times, rule._weights) for rule, times in built.parameter_optimizers]  # type: ignore[attr-defined]
    turned = [weights for rule, _, weights in changed if isinstance(rule, Muon)]
    assert sorted(names[weight] for weights in turned for weight in weights) == [
        f"cells.{layer}.{kind}_weight" for layer in (0, 1) for kind in ("input", "recurrent")
    ]
    assert sorted(names[weight] for *_, weights in changed for weight in weights) == sorted(
        names.values()
    )
    multiples = [10 / 3 if isinstance(rule, Muon) else 1.0 for rule, *_ in changed]
    assert [times for _, times, _ in changed] == pytest.approx(multiples)


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_several_threads_take_the_same_step(name: str) -> None:
    stepped = []
    for count in (1, 2, 4):
        torch.manual_seed(0)
        network = Network(NetworkSettings(hidden=330, layers=2, input=20), vocabulary_size=5)
        settings = TrainingSettings(optimizer=name)  # type: ignore[arg-type]
        with ThreadPool(count) as threads:
            built = build_optimizer(network, settings, threads)
            for seed in range(2):
                draw(list(network.parameters()), seed)
                built.step(0.1)
        stepped.append(torch.cat([weight.detach().flatten() for weight in network.parameters()]))
    # A product in pieces may add in another order.
    for other in stepped[1:]:
        torch.testing.assert_close(stepped[0], other, rtol=1e-4, atol=1e-5)


def draw(weights: Sequence[nn.Parameter], seed: int, *, without: int | None = None) -> None:
    """Give all weights gradients, but for the one at ``without``."""
    generator = torch.Generator().manual_seed(seed)
    for index, weight in enumerate(weights):
        gradient = torch.randn(weight.shape, generator=generator)
        weight.grad = None if index == without else gradient


Theirs = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
PAIRS: dict[str, tuple[Callable[[list[nn.Parameter]], ParameterOptimizer], Theirs]] = {
    "adamw": (
        lambda weights: AdamW(weights, decay=0.3),
        lambda weights: torch.optim.AdamW(
            weights, lr=0.1, betas=BETAS, weight_decay=0.3, fused=True
        ),
    ),
    "rmsprop": (
        RMSprop,
        lambda weights: torch.optim.RMSprop(weights, lr=0.1, alpha=0.9, eps=1e-7),
    ),
    "sgd": (SGD, lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_rule_is_torchs_to_the_last_bit(name: str) -> None:
    weights = [nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4)), nn.Parameter(torch.ones(5))]
    copies = copy.deepcopy(weights)
    rule, theirs = PAIRS[name][0](weights), PAIRS[name][1](copies)
    for seed in range(6):
        # A weight without a gradient stays, and what is known of it too.
        draw(weights, seed, without=1 if seed == 2 else None)
        draw(copies, seed, without=1 if seed == 2 else None)
        rule.step(0.1)
        theirs.step()
        for one, other in zip(weights, copies, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["muon", *PAIRS])
def test_a_stored_state_goes_on_as_if_it_had_not_been(name: str) -> None:
    def made() -> tuple[Optimizer, list[nn.Parameter]]:
        torch.manual_seed(0)
        network = Network(NetworkSettings(hidden=3, input=2), vocabulary_size=5, labels=2)
        settings = TrainingSettings(optimizer=name)  # type: ignore[arg-type]
        return build_optimizer(network, settings), list(network.parameters())

    def take(optimizer: Optimizer, weights: list[nn.Parameter], seeds: range) -> None:
        for seed in seeds:
            draw(weights, seed, without=seed % 2 or None)
            optimizer.step(0.1)

    whole, weights = made()
    take(whole, weights, range(7))
    half, begun = made()
    take(half, begun, range(3))
    rest, resumed = made()
    for old, new in zip(begun, resumed, strict=True):
        new.data.copy_(old.data)
    rest.load_state_dict(unpack(*pack(half.state_dict())))
    take(rest, resumed, range(3, 7))
    for one, other in zip(weights, resumed, strict=True):
        assert torch.equal(one, other)
