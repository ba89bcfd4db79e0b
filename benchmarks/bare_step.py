"""The step alone, and the whole loop: a run's own network, optimizer and batches.

Epoch by epoch in turn, so that both meet the same machine. For the step alone, batches are made
beforehand and lie in memory; there are no events, no average, no files, and the learning rate
stands still. The loop is the trainer's own, without its validation. Prints a JSON line: the
characters of all epochs, their rates a second without the first epoch (kernels are loaded or
compiled in it), and the share of padding.

    python benchmarks/bare_step.py TRAINING VALIDATION '{"hidden": 128, "epochs": 3, ...}'

The object holds the library's options. Axes: T steps, B streams.
"""

import dataclasses
import json
import sys
import time
from typing import Any

import charloom
from charloom.network.backprop.batch import Batch
from charloom.training.optim.optimizer import clip_gradients
from charloom.training.shard_states import States
from charloom.training.trainer import Trainer


class Measured(Exception):
    """Ends the training, which has not begun."""

    def __init__(self, figures: dict[str, Any]) -> None:
        super().__init__()
        self.figures = figures


def measure(trainer: Trainer) -> None:
    """Take the steps of all epochs, twice; raises Measured."""
    assert trainer.settings.epochs is not None
    characters = symbols = computed = 0
    bare = loop = 0.0
    known = 0
    with trainer.data_parallel.threads:
        for epoch in range(1, trainer.settings.epochs + 1):
            batches = list(trainer.training_batches.epoch(epoch))
            began = time.perf_counter()
            take(trainer, batches)
            between = time.perf_counter()
            before = trainer.seconds
            trainer.state = dataclasses.replace(trainer.state, epoch=epoch, batches=0, symbols=0)
            trainer._run_epoch()
            own = sum(batch.characters for batch in batches)
            characters += own
            symbols += sum(batch.symbols for batch in batches)
            computed += sum(batch.inputs_TB.numel() for batch in batches)
            if epoch > 1:
                known += own
                bare += between - began
                loop += trainer.seconds - before
    raise Measured(
        {
            "characters": characters,
            "bare": known / bare,
            "loop": known / loop,
            "padding": 1 - symbols / computed,
        }
    )


def take(trainer: Trainer, batches: list[Batch]) -> None:
    """Take a step with each batch, and nothing else."""
    states: States = []
    for batch in batches:
        _, states = trainer.data_parallel.forward_backward(batch, [] if batch.starts else states)
        clip_gradients(trainer.network.parameters(), trainer.settings.clip)
        trainer.optimizer.step(trainer.settings.learning_rate)


def main() -> None:
    training, validation, options = sys.argv[1:]
    # The parts of a run meet in charloom.train, so it is asked for them, and stopped there.
    Trainer.run = measure  # type: ignore[assignment, method-assign]
    try:
        charloom.train(training, validation=validation, **json.loads(options))
    except Measured as measured:
        print(json.dumps(measured.figures))


if __name__ == "__main__":
    main()
