"""The average of the weights: its closed form, its use and its state."""

import numpy as np
import pytest

from charloom.network.parameters import Parameters
from charloom.training.optim.averaging import DECAY, WeightAverage
from charloom.training.threads import ThreadPool


def set_weights(weights: Parameters, average: WeightAverage, values: list[float]) -> None:
    for value in values:
        weights.flat_P[:] = value
        average.update()


def make(threads: ThreadPool | None = None, size: int = 1) -> tuple[Parameters, WeightAverage]:
    weights = Parameters({"output.weight": (1, size)})
    return weights, WeightAverage(weights, threads or ThreadPool())


def averaged_weight(weights: Parameters, average: WeightAverage) -> float:
    with average.swapped_in():
        return float(weights.arrays["output.weight"][0, -1])


def test_the_average_has_its_closed_form() -> None:
    """The weight of step t is proportional to t (t + 1) ... (t + DECAY - 1)."""
    values = [float(v) for v in np.random.default_rng(0).standard_normal(40)]
    weights, average = make()
    set_weights(weights, average, values)
    factors = np.array([np.prod([t + d for d in range(DECAY)], dtype=float) for t in range(1, 41)])
    expected = float(factors @ np.array(values) / factors.sum())
    assert abs(averaged_weight(weights, average) - expected) < 1e-5


def test_recent_weights_dominate() -> None:
    weights, average = make()
    set_weights(weights, average, [0.0] * 800 + [1.0] * 200)
    # The last fifth has 1 - 0.8 ** (DECAY + 1) of the weight, within the rounding of short sums.
    assert abs(averaged_weight(weights, average) - (1 - 0.8 ** (DECAY + 1))) < 0.005


def test_initial_weights_count_until_the_first_step_only() -> None:
    weights = Parameters({"output.weight": (1, 1)})
    weights.flat_P[:] = 1e6
    average = WeightAverage(weights, ThreadPool())
    assert averaged_weight(weights, average) == 1e6
    set_weights(weights, average, [3.0])
    assert averaged_weight(weights, average) == 3


def test_the_weights_of_the_last_step_are_restored() -> None:
    weights, average = make()
    set_weights(weights, average, [1.0, 2.0])
    assert averaged_weight(weights, average) != 2
    assert weights.arrays["output.weight"][0, 0] == 2
    with pytest.raises(KeyError), average.swapped_in():
        raise KeyError
    assert weights.arrays["output.weight"][0, 0] == 2


def test_a_restored_average_continues_bit_for_bit() -> None:
    whole, kept = make()
    set_weights(whole, kept, [0.1, 0.7, -0.3, 0.2])
    begun, first = make()
    set_weights(begun, first, [0.1, 0.7])
    resumed, rest = make()
    rest.load_state_dict(first.state_dict())
    set_weights(resumed, rest, [-0.3, 0.2])
    assert averaged_weight(resumed, rest) == averaged_weight(whole, kept)
    assert rest.state_dict()["steps"] == kept.state_dict()["steps"] == 4
    for state in (rest.state_dict(), kept.state_dict()):
        assert state["weights"]["output.weight"][0, 0] == averaged_weight(whole, kept)


def test_several_threads_compute_the_same_bits() -> None:
    averages = []
    for count in (1, 3):
        with ThreadPool(count) as threads:
            weights, average = make(threads, size=100_000)
            generator = np.random.default_rng(0)
            for _ in range(3):
                weights.flat_P[:] = generator.standard_normal(len(weights.flat_P))
                average.update()
            averages.append(average.state_dict()["weights"]["output.weight"])
    assert np.array_equal(*averages)
