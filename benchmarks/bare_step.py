"""Measure the training step alone and the whole training loop, with the objects of one run.

Epochs of both alternate, so that both have the same conditions. For the step alone, batches are
made beforehand and kept in memory; there are no events, no weight average and no files, and the
learning rate is constant. The loop is that of the trainer, without validation. Prints a JSON line:
the characters of all epochs, the throughput of both in characters per second, and the fraction of
padding. The throughput leaves out the first epoch, in which kernels are loaded or compiled.

    python benchmarks/bare_step.py TRAINING VALIDATION '{"hidden": 128, "epochs": 3, ...}'

The JSON object has options of ``charloom.train``. Axes: T steps, B sequences.
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
    """Carries the figures out of ``charloom.train``, which would start training."""

    def __init__(self, figures: dict[str, Any]) -> None:
        super().__init__()
        self.figures = figures


def measure(trainer: Trainer) -> None:
    """Run all epochs twice, by the step alone and by the loop; raises Measured."""
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
    """Run one optimizer step for each batch."""
    states: States = []
    for batch in batches:
        _, states = trainer.data_parallel.forward_backward(batch, [] if batch.starts else states)
        clip_gradients(trainer.network.parameters(), trainer.settings.clip)
        trainer.optimizer.step(trainer.settings.learning_rate)


def main() -> None:
    training, validation, options = sys.argv[1:]
    # charloom.train builds the trainer; its run method is replaced to get hold of it.
    Trainer.run = measure  # type: ignore[assignment, method-assign]
    try:
        charloom.train(training, validation=validation, **json.loads(options))
    except Measured as measured:
        print(json.dumps(measured.figures))


if __name__ == "__main__":
    main()
