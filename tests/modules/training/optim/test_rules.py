"""AdamW, RMSprop and SGD against their formulas."""

from collections.abc import Callable

import numpy as np
import pytest

from charloom.network.parameters import KINDS, Parameters
from charloom.training.optim import rules
from charloom.training.optim.rules import SGD, AdamW, RMSprop, Rule
from charloom.training.threads import ThreadPool

LEARNING_RATE = 0.1
GRADIENTS = [0.3, -0.2, 0.5]
SHAPES = {"output.weight": (1, 1), "output.bias": (1,), "labels.hidden": (1, 1, 1)}

Build = Callable[[Parameters, Parameters], Rule]
BUILD: dict[str, Build] = {
    "adamw": lambda weights, gradients: AdamW(weights, gradients, KINDS, decay=0.2),
    "rmsprop": lambda weights, gradients: RMSprop(weights, gradients, KINDS),
    "sgd": lambda weights, gradients: SGD(weights, gradients, KINDS),
}


def take_step(rule: Rule, *, scale: float = 1.0, without: str = "") -> None:
    """Take a step with the parameters of all kinds but ``without``."""
    for kind in rule.kinds:
        if kind != without:
            rule.steps[kind] += 1
            for update in rule.updates(kind, LEARNING_RATE, scale, ThreadPool()):
                update()


def train_weights(build: Build, scale: float = 1.0) -> dict[str, float]:
    """Return weights that were 1 at first, after one step for each gradient.

    Gradients are multiplied by ``scale`` in the step, and divided by it before.
    """
    weights, gradients = Parameters(SHAPES), Parameters(SHAPES)
    weights.flat_P[:] = 1
    rule = build(weights, gradients)
    for gradient in GRADIENTS:
        gradients.flat_P[:] = gradient / scale
        take_step(rule, scale=scale)
    return {name: float(array.flat[0]) for name, array in weights.arrays.items()}


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_adamw_takes_the_steps_of_its_paper(scale: float) -> None:
    expected = {}
    for name, decay in (("output.weight", 0.2), ("output.bias", 0.0), ("labels.hidden", 0.0)):
        weight, mean, square = 1.0, 0.0, 0.0
        for step, gradient in enumerate(GRADIENTS, start=1):
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.99 * square + 0.01 * gradient**2
            weight -= LEARNING_RATE * decay * weight
            deviation = np.sqrt(square / (1 - 0.99**step)) + 1e-8
            weight -= LEARNING_RATE * mean / (1 - 0.9**step) / deviation
        expected[name] = weight
    assert train_weights(BUILD["adamw"], scale) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_rmsprop_divides_by_a_running_root_mean_square(scale: float) -> None:
    weight, square = 1.0, 0.0
    for gradient in GRADIENTS:
        square = 0.9 * square + 0.1 * gradient**2
        weight -= LEARNING_RATE * gradient / (np.sqrt(square) + 1e-7)
    expected = dict.fromkeys(SHAPES, weight)
    assert train_weights(BUILD["rmsprop"], scale) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_sgd_has_a_momentum_of_nine_tenths(scale: float) -> None:
    weight, velocity = 1.0, 0.0
    for gradient in GRADIENTS:
        velocity = 0.9 * velocity + gradient
        weight -= LEARNING_RATE * velocity
    expected = dict.fromkeys(SHAPES, weight)
    assert train_weights(BUILD["sgd"], scale) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", BUILD)
def test_parameters_and_states_of_other_kinds_stay(name: str) -> None:
    """Labels have no gradient in windows that continue documents."""
    weights, gradients = Parameters(SHAPES), Parameters(SHAPES)
    gradients.flat_P[:] = 0.3
    rule = BUILD[name](weights, gradients)
    take_step(rule)
    label, states = weights.tensors()["labels.hidden"], rule.tensors()
    take_step(rule, without="label")
    assert weights.arrays["labels.hidden"] == label
    assert weights.arrays["output.bias"] != label
    assert rule.steps["label"] == 1
    for state, tensors in rule.tensors().items():
        assert tensors["labels.hidden"] == states[state]["labels.hidden"]
        assert tensors["output.bias"] != states[state]["output.bias"]


@pytest.mark.parametrize("name", BUILD)
def test_a_rule_for_some_kinds_has_states_of_these_only(name: str) -> None:
    weights, gradients = Parameters(SHAPES), Parameters(SHAPES)
    gradients.flat_P[:] = 0.3
    rule: Rule
    if name == "adamw":
        rule = AdamW(weights, gradients, ["vector"], decay=0.2)
    else:
        rule = {"rmsprop": RMSprop, "sgd": SGD}[name](weights, gradients, ["vector"])
    take_step(rule)
    assert [name for name, array in weights.arrays.items() if array.any()] == ["output.bias"]
    assert all(list(tensors) == ["output.bias"] for tensors in rule.tensors().values())


@pytest.mark.parametrize("name", BUILD)
def test_a_restored_state_takes_the_same_step(name: str) -> None:
    def steps(rule: Rule, gradients: Parameters, values: list[float]) -> None:
        for value in values:
            gradients.flat_P[:] = value
            take_step(rule)

    weights, gradients = Parameters(SHAPES), Parameters(SHAPES)
    rule = BUILD[name](weights, gradients)
    steps(rule, gradients, GRADIENTS)
    resumed_weights, resumed_gradients = Parameters(SHAPES), Parameters(SHAPES)
    resumed_weights.load(weights.arrays)
    resumed = BUILD[name](resumed_weights, resumed_gradients)
    rules.load_state_dict([resumed], rules.state_dict([rule]))
    steps(rule, gradients, [0.7])
    steps(resumed, resumed_gradients, [0.7])
    for parameter, array in weights.arrays.items():
        assert np.array_equal(resumed_weights.arrays[parameter], array)


def test_the_state_of_several_rules_is_by_kind_and_name() -> None:
    weights, gradients = Parameters(SHAPES), Parameters(SHAPES)
    gradients.flat_P[:] = 0.3
    both = [
        AdamW(weights, gradients, ["vector"], decay=0.0),
        SGD(weights, gradients, ["matrix", "label"]),
    ]
    for rule in both:
        take_step(rule, without="label")
    state = rules.state_dict(both)
    assert state["steps"] == {"vector": 1, "matrix": 1, "label": 0}
    names = {name: list(tensors) for name, tensors in state["states"].items()}
    assert names == {
        "mean": ["output.bias"],
        "square": ["output.bias"],
        "momentum": ["output.weight", "labels.hidden"],
    }
    assert state["states"]["momentum"]["output.weight"] == np.float32(0.3)
