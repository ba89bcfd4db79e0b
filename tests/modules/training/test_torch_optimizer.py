"""torch's optimizers beside those of a CPU, and parameters without gradients."""

import numpy as np
import pytest
import torch
from backends import OPTIMIZERS, settings_of
from torch import Tensor

from charloom.network.parameters import KINDS, Parameters
from charloom.settings import Optimizer
from charloom.training.optim.optimizer import build_optimizer
from charloom.training.threads import ThreadPool
from charloom.training.torch_optimizer import TorchOptimizer, TorchWeightAverage, to_numpy

SHAPES = {
    "cells.0.input_table": (7, 12),
    "cells.0.recurrent_weight": (12, 3),
    "cells.0.bias": (12,),
    "cells.1.input_weight": (3, 9),
    "labels.hidden": (2, 1, 3),
}
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS)


def random(name: str, step: int) -> np.ndarray:
    return np.random.default_rng([len(name), step]).standard_normal(SHAPES[name]).astype("f4")


def torch_parameters() -> dict[str, Tensor]:
    return {name: torch.from_numpy(random(name, 0)).requires_grad_() for name in SHAPES}


@optimizers
def test_steps_equal_those_of_a_cpu(optimizer: Optimizer) -> None:
    """In step 2 labels have no gradient: their weights and moments stay."""
    parameters, settings = torch_parameters(), settings_of(optimizer)
    weights, gradients = Parameters(SHAPES), Parameters(SHAPES)
    weights.load({name: random(name, 0) for name in SHAPES})
    theirs = TorchOptimizer(parameters, settings)
    ours = build_optimizer(weights, gradients, settings, ThreadPool(), bf16=False)
    for step in (1, 2, 3):
        kinds = [kind for kind in KINDS if kind != "label" or step != 2]
        for name, parameter in parameters.items():
            gradients.arrays[name][...] = random(name, step)
            present = "label" in kinds or not name.startswith("labels.")
            parameter.grad = torch.from_numpy(random(name, step)) if present else None
        ours.step(0.01, 0.5, kinds)
        theirs.step(0.01, 0.5)
        for name, parameter in parameters.items():
            value = parameter.detach().numpy()
            np.testing.assert_allclose(value, weights.arrays[name], rtol=0, atol=2e-6, err_msg=name)
    state, expected = theirs.state_dict(), ours.state_dict()
    assert state["steps"] == expected["steps"] == dict.fromkeys(KINDS, 3) | {"label": 2}
    assert state["states"].keys() == expected["states"].keys()
    for name, tensors in expected["states"].items():
        assert tensors.keys() == state["states"][name].keys()


@optimizers
def test_a_restored_optimizer_takes_the_same_step(optimizer: Optimizer) -> None:
    runs = []
    for restore in (False, True):
        parameters, settings = torch_parameters(), settings_of(optimizer)
        current = TorchOptimizer(parameters, settings)
        for step in (1, 2, 3):
            if restore and step == 3:
                state = current.state_dict()
                current = TorchOptimizer(parameters, settings)
                current.load_state_dict(state)
            for name, parameter in parameters.items():
                parameter.grad = torch.from_numpy(random(name, step))
            current.step(0.01, 1.0)
        runs.append([to_numpy(parameter).tobytes() for parameter in parameters.values()])
    assert runs[0] == runs[1]


def test_an_average_is_restored() -> None:
    parameters = torch_parameters()
    first = TorchWeightAverage(parameters)
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.mul_(3)
    first.update()
    second = TorchWeightAverage(torch_parameters())
    second.load_state_dict(first.state_dict())
    assert second.state_dict()["steps"] == 1
    for name, value in first.state_dict()["weights"].items():
        assert (second.state_dict()["weights"][name] == value).all()
