"""The average of the weights: its closed form, its use and its state."""

import numpy as np
import torch
from torch import nn

from charloom.training.optim.averaging import DECAY, WeightAverage


def set_weights(network: nn.Linear, averaging: WeightAverage, values: list[float]) -> None:
    for value in values:
        nn.init.constant_(network.weight, value)
        averaging.update()


def make() -> tuple[nn.Linear, WeightAverage]:
    network = nn.Linear(1, 1, bias=False)
    return network, WeightAverage(network)


def averaged_weight(network: nn.Linear, averaging: WeightAverage) -> float:
    with averaging.swapped_in():
        return network.weight.item()


def test_the_average_has_its_closed_form() -> None:
    """The weight of step t is proportional to t (t + 1) ... (t + DECAY - 1)."""
    values = [float(v) for v in np.random.default_rng(0).standard_normal(40)]
    network, averaging = make()
    set_weights(network, averaging, values)
    weights = np.array([np.prod([t + d for d in range(DECAY)], dtype=float) for t in range(1, 41)])
    expected = float(weights @ np.array(values) / weights.sum())
    assert abs(averaged_weight(network, averaging) - expected) < 1e-5


def test_initial_weights_do_not_count_and_recent_ones_dominate() -> None:
    network, averaging = make()
    nn.init.constant_(network.weight, 1e6)
    set_weights(network, averaging, [3.0])
    assert averaged_weight(network, averaging) == 3
    network, averaging = make()
    set_weights(network, averaging, [0.0] * 800 + [1.0] * 200)
    # The last fifth has 1 - 0.8 ** (DECAY + 1) of the weight, within the rounding of short sums.
    assert abs(averaged_weight(network, averaging) - (1 - 0.8 ** (DECAY + 1))) < 0.005


def test_the_weights_of_the_last_step_are_restored() -> None:
    network, averaging = make()
    set_weights(network, averaging, [1.0, 2.0])
    assert averaged_weight(network, averaging) != 2
    assert network.weight.item() == 2


def test_a_restored_average_continues_bit_for_bit() -> None:
    whole, kept = make()
    set_weights(whole, kept, [0.1, 0.7, -0.3, 0.2])
    begun, first = make()
    set_weights(begun, first, [0.1, 0.7])
    resumed, rest = make()
    rest.load_state_dict(first.state_dict())
    set_weights(resumed, rest, [-0.3, 0.2])
    assert averaged_weight(resumed, rest) == averaged_weight(whole, kept)
    assert torch.equal(rest.state_dict()["averages"][0], kept.state_dict()["averages"][0])
