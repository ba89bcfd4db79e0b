"""The optimizers of all settings: AdamW, RMSprop and SGD against the classes of torch."""

from typing import Any

import numpy as np
import pytest

from charloom.network.parameters import KINDS, Parameters, Shapes, kind_of, parameter_shapes
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.optim.muon import INTERVAL
from charloom.training.optim.optimizer import Optimizer, build_optimizer
from charloom.training.optim.rules import ADAMW_EPSILON, BETAS
from charloom.training.state_codec import pack, unpack
from charloom.training.threads import ThreadPool

LEARNING_RATE = 0.1
NAMES = ("muon", "adamw", "rmsprop", "sgd")
SMALL = parameter_shapes(NetworkSettings(hidden=3, layers=2, input=2), vocabulary_size=5, labels=2)
WITHOUT_LABELS = [kind for kind in KINDS if kind != "label"]


class Training:
    """Weights, gradients and the optimizer of both."""

    def __init__(self, shapes: Shapes, threads: ThreadPool | None = None, **settings: Any) -> None:
        self.weights, self.gradients = Parameters(shapes), Parameters(shapes)
        fill(self.weights, seed=99)
        self.optimizer: Optimizer = build_optimizer(
            self.weights,
            self.gradients,
            TrainingSettings(**settings),
            threads or ThreadPool(),
            bf16=False,
        )

    def take_steps(self, seeds: range) -> None:
        """Take a step with the gradients of each seed; odd ones have none of labels."""
        for seed in seeds:
            fill(self.gradients, seed)
            self.optimizer.step(LEARNING_RATE, 0.5, WITHOUT_LABELS if seed % 2 else KINDS)


def fill(parameters: Parameters, seed: int) -> None:
    """Set all numbers to random ones."""
    generator = np.random.default_rng(seed)
    for array in parameters.arrays.values():
        array[...] = generator.standard_normal(array.shape)


@pytest.mark.parametrize("name", ["adamw", "rmsprop", "sgd"])
def test_steps_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    training = Training(SMALL, optimizer=name, weight_decay=0.3)
    copies = {
        parameter: torch.nn.Parameter(torch.tensor(array))
        for parameter, array in training.weights.arrays.items()
    }
    matrices, others = (
        [copies[n] for n in SMALL if (kind_of(n) in ("recurrent", "matrix")) is is_matrix]
        for is_matrix in (True, False)
    )
    if name == "adamw":
        groups = [{"params": matrices, "weight_decay": 0.3}, {"params": others, "weight_decay": 0}]
        rule = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, eps=ADAMW_EPSILON)
    elif name == "rmsprop":
        rule = torch.optim.RMSprop(copies.values(), lr=LEARNING_RATE, alpha=0.9, eps=1e-7)
    else:
        rule = torch.optim.SGD(copies.values(), lr=LEARNING_RATE, momentum=0.9)
    for seed in range(6):
        training.take_steps(range(seed, seed + 1))
        for parameter, weight in copies.items():
            missing = seed % 2 and kind_of(parameter) == "label"
            gradient = training.gradients.arrays[parameter]
            weight.grad = None if missing else torch.tensor(gradient) / 2
        rule.step()
        for parameter, weight in copies.items():
            ours = training.weights.arrays[parameter]
            np.testing.assert_allclose(ours, weight.detach(), rtol=2e-6, atol=2e-6)


def test_biases_and_labels_do_not_decay() -> None:
    training = Training(SMALL, optimizer="adamw", weight_decay=0.5)
    before = training.weights.tensors()
    training.optimizer.step(LEARNING_RATE, 1.0, KINDS)  # the gradients are zeros
    for name, array in training.weights.arrays.items():
        keep = 0.95 if kind_of(name) in ("recurrent", "matrix") else 1.0
        np.testing.assert_allclose(array, keep * before[name], rtol=1e-6)


def test_muon_updates_the_matrices_of_recurrent_layers_and_adamw_the_rest() -> None:
    training = Training(SMALL, optimizer="muon", weight_decay=0.0)
    before = training.weights.tensors()
    training.take_steps(range(1))
    matrices = {
        f"cells.{layer}.{kind}_weight" for layer in (0, 1) for kind in ("input", "recurrent")
    }
    assert matrices < set(SMALL)
    for name, array in training.weights.arrays.items():
        change = (array - before[name]).astype(np.float64)
        if name in matrices:
            rows, columns = change.shape
            size = INTERVAL * 0.1 * 10 / 3 * max(1.0, rows / columns) ** 0.5
            singular_values = np.linalg.svd(change, compute_uv=False)
            assert 0.85 * size < singular_values.min() <= singular_values.max() < 1.15 * size
        else:  # the first step of AdamW is the learning rate against the sign of the gradient
            np.testing.assert_allclose(np.abs(change), 0.1, rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_several_threads_take_the_same_step(name: str) -> None:
    shapes = parameter_shapes(NetworkSettings(hidden=330, layers=2, input=20), vocabulary_size=5)
    results = []
    for count in (1, 2, 4):
        with ThreadPool(count) as threads:
            training = Training(shapes, threads, optimizer=name)
            training.take_steps(range(2))
        results.append(training.weights.flat_P)
    # Products in chunks may sum in another order.
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_between_parameters_stay_zeros(name: str) -> None:
    training = Training(SMALL, optimizer=name)
    training.take_steps(range(3))
    padding_P = np.ones(len(training.weights.flat_P), bool)
    for array in training.weights.arrays.values():
        begin = (array.ctypes.data - training.weights.flat_P.ctypes.data) // array.itemsize
        padding_P[begin : begin + array.size] = False
    assert padding_P.any()
    assert not training.weights.flat_P[padding_P].any()


@pytest.mark.parametrize("name", NAMES)
def test_an_optimizer_restored_from_a_checkpoint_takes_the_same_steps(name: str) -> None:
    whole, stopped, resumed = (Training(SMALL, optimizer=name) for _ in range(3))
    whole.take_steps(range(7))
    stopped.take_steps(range(3))
    resumed.weights.load(stopped.weights.arrays)
    resumed.optimizer.load_state_dict(unpack(*pack(stopped.optimizer.state_dict())))
    resumed.take_steps(range(3, 7))
    assert np.array_equal(whole.weights.flat_P, resumed.weights.flat_P)
