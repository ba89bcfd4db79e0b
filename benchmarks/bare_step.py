"""The step alone: a run's own network, optimizer and batches, without the loop around them.

Batches are made beforehand and lie in memory; there are no events, no validation, no files, and the
learning rate stands still. Prints a JSON line: the characters of all epochs, their rate a second in
the second half (kernels are loaded or compiled in the first), and the share of padding.

    python benchmarks/bare_step.py TRAINING VALIDATION '{"hidden": 128, "epochs": 3, ...}'

The object holds the library's options. Axes: T steps, B streams.
"""

import json
import sys
import time
from typing import Any

import torch

import charloom
from charloom.learning.parts import States
from charloom.learning.trainer import Trainer


class Measured(Exception):
    """Ends the training, which has not begun."""

    def __init__(self, figures: dict[str, Any]) -> None:
        super().__init__()
        self.figures = figures


def bare(trainer: Trainer) -> None:
    """Take the steps of all epochs; raises Measured."""
    assert trainer.settings.epochs is not None
    epochs = range(1, trainer.settings.epochs + 1)
    batches = [batch for epoch in epochs for batch in trainer.training.epoch(epoch)]
    states: States = []
    half = len(batches) // 2
    with trainer.parts:
        for number, batch in enumerate(batches):
            if number == half:
                began = time.perf_counter()
            _, states = trainer.parts.learn(batch, [] if batch.starts else states)
            torch.nn.utils.clip_grad_norm_(trainer.network.parameters(), trainer.settings.clip)
            trainer.optimizer.step()
        seconds = time.perf_counter() - began
    symbols = sum(batch.symbols for batch in batches)
    raise Measured(
        {
            "characters": sum(batch.characters for batch in batches),
            "rate": sum(batch.characters for batch in batches[half:]) / seconds,
            "padding": 1 - symbols / sum(batch.inputs_TB.numel() for batch in batches),
        }
    )


def main() -> None:
    training, validation, options = sys.argv[1:]
    # The parts of a run meet in charloom.train, so it is asked for them, and stopped there.
    Trainer.run = bare  # type: ignore[assignment, method-assign]
    try:
        charloom.train(training, validation=validation, **json.loads(options))
    except Measured as measured:
        print(json.dumps(measured.figures))


if __name__ == "__main__":
    main()
