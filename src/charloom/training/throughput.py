"""A short benchmark of this machine: training steps on random symbols."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.randomness import random_uniform
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.build_backend import build_backend, initial_parameters
from charloom.training.device import choose_device

BENCHMARK_SECONDS: Final = 0.4
"""Approximate duration of one measurement."""
MAX_BUDGET_FRACTION: Final = 1 / 60
"""Largest fraction of a budget of minutes for one measurement; a run makes a few."""
MIN_STEPS: Final = 4


def measure_symbols_per_second(
    network: NetworkSettings,
    training: TrainingSettings,
    vocabulary_size: int,
    time_steps: int,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the symbols per second of training on sequences of ``time_steps``."""
    device = choose_device(training)
    weights = initial_parameters(network, vocabulary_size, labels=0, seed=0)
    batch = _random_batch(vocabulary_size, time_steps, training.batch_size)
    backend = build_backend(network, weights, training, device)
    dropout = Dropout(network.dropout, seed=0)

    def step() -> None:
        backend.forward_backward(batch, [], dropout)
        backend.step(training.learning_rate, 1.0)

    with backend.threads:
        return batch.symbols / time_fastest_step(step, benchmark_seconds(training), clock)


def benchmark_seconds(training: TrainingSettings) -> float:
    """Return the duration of one measurement: short for a short budget of minutes."""
    if training.minutes is None:
        return BENCHMARK_SECONDS
    return min(BENCHMARK_SECONDS, MAX_BUDGET_FRACTION * 60 * training.minutes)


def time_fastest_step(
    step: Callable[[], None], max_seconds: float, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the seconds of the fastest of several steps, at least ``MIN_STEPS``.

    The first step is not timed, as it allocates memory and loads kernels. The fastest one is the
    least disturbed by other programs.
    """
    began = clock()
    step()
    fastest, steps = float("inf"), 1
    while steps < MIN_STEPS or clock() - began < max_seconds:
        before = clock()
        step()
        fastest = min(fastest, clock() - before)
        steps += 1
    return fastest


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
