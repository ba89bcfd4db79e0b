"""Seconds of a training step on a CPU with frozen layers, beside those without.

    python benchmarks/frozen_steps.py [--hidden 256] [--layers 2] [--cell lstm] [--new-symbols 0]

Each is the fastest of many steps; the variants take turns, so that other programs disturb all.
"""

import argparse
import time

import numpy as np

from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.network.freezing import frozen_rows
from charloom.settings import Freeze, NetworkSettings, TrainingSettings
from charloom.training.build_backend import initial_parameters
from charloom.training.cpu_backend import CpuBackend

VOCABULARY, STEPS, SEQUENCES = 90, 64, 32


def minibatch() -> Batch:
    ids_TB = np.random.default_rng(0).integers(2, VOCABULARY, (STEPS + 1, SEQUENCES))
    return Batch(
        inputs_TB=ids_TB[:-1],
        targets_TB=ids_TB[1:],
        mask_TB=np.ones((STEPS, SEQUENCES), dtype=bool),
        labels_B=np.full(SEQUENCES, -1),
        starts=True,
        symbols=STEPS * SEQUENCES,
        characters=STEPS * SEQUENCES,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--cell", choices=("lstm", "gru", "rnn"), default="lstm")
    parser.add_argument("--new-symbols", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    network = NetworkSettings(cell=given.cell, hidden=given.hidden, layers=given.layers, input=64)
    choices: list[Freeze] = ["none", "embedding", *range(1, given.layers + 1)]
    backends = []
    for freeze in choices:
        weights = initial_parameters(network, VOCABULARY, labels=0, seed=0)
        frozen = frozen_rows(weights.shapes, freeze, VOCABULARY - given.new_symbols)
        settings = TrainingSettings(batch_size=SEQUENCES)
        backends.append(
            CpuBackend(network, weights, settings, bf16=False, threads=1, frozen=frozen)
        )
    batch, times = minibatch(), np.full((given.rounds, len(choices), 2), np.inf)
    for number in range(given.rounds):
        for variant, backend in enumerate(backends):
            began = time.perf_counter()
            backend.forward_backward(batch, [], Dropout(0.1, number))
            passed = time.perf_counter()
            backend.step(1e-3, 1.0)
            times[number, variant] = passed - began, time.perf_counter() - passed
    # Muon changes matrices in every third step only.
    passes = times[:, :, 0].min(0)
    steps = np.mean([times[first::3, :, 1].min(0) for first in range(3)], axis=0)
    print(f"{'freeze':10} {'pass':>9} {'update':>9} {'both':>9} {'relative':>9}")
    for freeze, own_pass, update in zip(choices, passes, steps, strict=True):
        both = own_pass + update
        relative = both / (passes[0] + steps[0])
        print(
            f"{freeze!s:10} {1e3 * own_pass:6.1f} ms {1e3 * update:6.1f} ms {1e3 * both:6.1f} ms "
            f"{relative:9.2f}"
        )


if __name__ == "__main__":
    main()
