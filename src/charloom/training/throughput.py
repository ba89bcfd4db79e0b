"""A short benchmark of this machine: training steps on random symbols."""

import dataclasses
import itertools
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.network.parameters import Parameters, parameter_shapes
from charloom.randomness import random_uniform
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.build_backend import build_backend
from charloom.training.device import choose_device
from charloom.training.optim import muon

BENCHMARK_SECONDS: Final = 0.6
"""Approximate duration of all measurements of a run."""
MAX_BUDGET_FRACTION: Final = 1 / 40
"""Largest fraction of a budget of minutes for all measurements."""
MAX_TIME_STEPS: Final = 16
"""Time steps of a measured pass; the time of longer passes is computed."""
TINY: Final = 8
"""Units of the network that loads the kernels."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Measures training on minibatches of random symbols.

    ``clock`` returns seconds.
    """

    vocabulary_size: int
    time_steps: int
    max_seconds: float
    """Approximate duration of one measurement, if a few steps take no longer."""
    clock: Callable[[], float] = time.perf_counter

    def symbols_per_second(self, network: NetworkSettings, training: TrainingSettings) -> float:
        """Return the symbols per second of training on sequences of ``time_steps``.

        Passes of a few time steps are measured, with and without the optimizer's steps. A pass of
        all time steps takes proportionally longer, and the optimizer's steps as long.
        """
        tiny = dataclasses.replace(network, hidden=TINY)
        self._times(tiny, training, max_seconds=0.0)  # the first calls load kernels
        passes, both = self._times(network, training, self.max_seconds / 2)
        optimizer = (both - passes) / muon.INTERVAL
        seconds = optimizer + passes * self.time_steps / self._measured_time_steps
        return self.time_steps * training.batch_size / seconds

    @property
    def _measured_time_steps(self) -> int:
        return min(self.time_steps, MAX_TIME_STEPS)

    def _times(
        self, network: NetworkSettings, training: TrainingSettings, max_seconds: float
    ) -> tuple[float, float]:
        """Return the seconds of a pass, and of a pass with ``muon.INTERVAL`` steps."""
        # Zeros take as long as other weights, and are there at once.
        weights = Parameters(parameter_shapes(network, self.vocabulary_size))
        backend = build_backend(network, weights, training, choose_device(training))
        batch = _random_batch(self.vocabulary_size, self._measured_time_steps, training.batch_size)
        dropout = Dropout(network.dropout, seed=0)

        def run_passes() -> None:
            backend.forward_backward(batch, [], dropout)

        def take_steps() -> None:
            run_passes()
            for _ in range(muon.INTERVAL):
                backend.step(training.learning_rate, 1.0)

        with backend.threads:
            return (
                time_fastest(run_passes, max_seconds, self.clock),
                time_fastest(take_steps, max_seconds, self.clock),
            )


def benchmark_seconds(training: TrainingSettings) -> float:
    """Return the duration of all measurements: short for a short budget of minutes."""
    if training.minutes is None:
        return BENCHMARK_SECONDS
    return min(BENCHMARK_SECONDS, MAX_BUDGET_FRACTION * 60 * training.minutes)


def time_fastest(
    function: Callable[[], None], max_seconds: float, clock: Callable[[], float]
) -> float:
    """Return the seconds of the fastest call of ``function`` within ``max_seconds``.

    The fastest one is the least disturbed by other programs.
    """
    times = [clock()]
    while len(times) == 1 or times[-1] - times[0] < max_seconds:
        function()
        times.append(clock())
    return min(after - before for before, after in itertools.pairwise(times))


def _random_batch(vocabulary_size: int, time_steps: int, sequences: int) -> Batch:
    random = random_uniform(0, (time_steps + 1) * sequences).reshape(-1, sequences)
    ids_TB = (random * vocabulary_size).astype(np.int64)
    return Batch(
        inputs_TB=ids_TB[:-1],
        targets_TB=ids_TB[1:],
        mask_TB=np.ones((time_steps, sequences), dtype=bool),
        labels_B=np.full(sequences, -1),
        starts=True,
        symbols=time_steps * sequences,
        characters=time_steps * sequences,
    )
