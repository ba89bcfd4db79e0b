"""How fast this machine trains a network: a few steps on symbols without meaning."""

import time
from typing import Final

import torch

from charloom.network.autograd.module import Network
from charloom.network.backprop.batch import Batch
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.data_parallel import DataParallel
from charloom.training.device import choose_device
from charloom.training.optim.optimizer import build_optimizer

BENCHMARK_SECONDS: Final = 0.4
"""About how long a measurement takes, at most."""
MAX_BUDGET_FRACTION: Final = 1 / 60
"""And at most this share of a budget of minutes: there are a few measurements."""
MIN_STEPS: Final = 4


def measure_symbols_per_second(
    network: NetworkSettings, training: TrainingSettings, vocabulary_size: int, time_steps: int
) -> float:
    """Return the symbols a second of a training step that reads ``steps`` symbols of each text.

    The fastest of some steps counts: what else the machine does now may be over soon.
    """
    placement = choose_device(training)
    with torch.random.fork_rng(devices=[]):
        made = Network(network, vocabulary_size).to(placement.device)
        batch = _random_batch(vocabulary_size, time_steps, training.batch_size)
    parts = DataParallel(made, placement, batch_size=training.batch_size, seed=0)
    optimizer = build_optimizer(made, training, parts.threads, bf16=parts.bf16)
    seconds = BENCHMARK_SECONDS
    if training.minutes is not None:
        seconds = min(seconds, MAX_BUDGET_FRACTION * 60 * training.minutes)
    best, began, taken = float("inf"), time.perf_counter(), 0
    with parts.threads:
        while taken < MIN_STEPS or time.perf_counter() - began < seconds:
            before = time.perf_counter()
            parts.forward_backward(batch, [])
            optimizer.step(training.learning_rate)
            # The first step prepares memory and code.
            if taken:
                best = min(best, time.perf_counter() - before)
            taken += 1
    return batch.symbols / best


def _random_batch(vocabulary: int, steps: int, streams: int) -> Batch:
    ids_TB = torch.randint(vocabulary, (steps + 1, streams))
    return Batch(
        inputs_TB=ids_TB[:-1],
        targets_TB=ids_TB[1:],
        mask_TB=torch.ones(steps, streams, dtype=torch.bool),
        labels_B=torch.full((streams,), -1),
        starts=True,
        symbols=steps * streams,
        characters=steps * streams,
    )
