"""A short benchmark of this machine: training steps on random symbols."""

import time
from collections.abc import Callable
from typing import Final

import torch

from charloom.network.autograd.module import Network
from charloom.network.backprop.batch import Batch
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.data_parallel import DataParallel
from charloom.training.device import choose_device
from charloom.training.optim.optimizer import build_optimizer

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
    device_config = choose_device(training)
    with torch.random.fork_rng(devices=[]):
        model = Network(network, vocabulary_size).to(device_config.device)
        batch = _random_batch(vocabulary_size, time_steps, training.batch_size)
    parallel = DataParallel(model, device_config, batch_size=training.batch_size, seed=0)
    optimizer = build_optimizer(model, training, parallel.threads, bf16=parallel.bf16)

    def step() -> None:
        parallel.forward_backward(batch, [])
        optimizer.step(training.learning_rate)

    with parallel.threads:
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
    ids_TB = torch.randint(vocabulary_size, (time_steps + 1, sequences))
    return Batch(
        inputs_TB=ids_TB[:-1],
        targets_TB=ids_TB[1:],
        mask_TB=torch.ones(time_steps, sequences, dtype=torch.bool),
        labels_B=torch.full((sequences,), -1),
        starts=True,
        symbols=time_steps * sequences,
        characters=time_steps * sequences,
    )
