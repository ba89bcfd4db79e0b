"""The average of the weights: its closed form, its place in the network, and going on."""

import numpy as np
import torch
from torch import nn

from charloom.training.optim.averaging import DECAY, WeightAverage


def walk(network: nn.Linear, averaging: WeightAverage, values: list[float]) -> None:
    for value in values:
        nn.init.constant_(network.weight, value)
        averaging.update()


def made() -> tuple[nn.Linear, WeightAverage]:
    network = nn.Linear(1, 1, bias=False)
    return network, WeightAverage(network)


def seen(network: nn.Linear, averaging: WeightAverage) -> float:
    with averaging.swapped_in():
        return network.weight.item()


def test_the_average_is_that_of_polynomial_decay() -> None:
    """After n steps, step t has a weight in proportion to (t + 1) (t + 2) ... (t + DECAY)."""
    values = [float(v) for v in np.random.default_rng(0).standard_normal(40)]
    network, averaging = made()
    walk(network, averaging, values)
    weights = np.array([np.prod([t + d for d in range(DECAY)], dtype=float) for t in range(1, 41)])
    expected = float(weights @ np.array(values) / weights.sum())
    assert abs(seen(network, averaging) - expected) < 1e-5


def test_the_first_weights_do_not_count_and_a_tenth_of_the_steps_does() -> None:
    network, averaging = made()
    nn.init.constant_(network.weight, 1e6)
    walk(network, averaging, [3.0])
    assert seen(network, averaging) == 3
    network, averaging = made()
    walk(network, averaging, [0.0] * 800 + [1.0] * 200)
    # The last fifth has 1 - 0.8 ** (DECAY + 1) of the weight, within the rounding of short sums.
    assert abs(seen(network, averaging) - (1 - 0.8 ** (DECAY + 1))) < 0.005


def test_the_weights_of_the_last_step_come_back() -> None:
    network, averaging = made()
    walk(network, averaging, [1.0, 2.0])
    assert seen(network, averaging) != 2
    assert network.weight.item() == 2


def test_a_stored_average_goes_on_bit_for_bit() -> None:
    whole, kept = made()
    walk(whole, kept, [0.1, 0.7, -0.3, 0.2])
    begun, first = made()
    walk(begun, first, [0.1, 0.7])
    resumed, rest = made()
    rest.load_state_dict(first.state_dict())
    walk(resumed, rest, [-0.3, 0.2])
    assert seen(resumed, rest) == seen(whole, kept)
    assert torch.equal(rest.state_dict()["averages"][0], kept.state_dict()["averages"][0])
