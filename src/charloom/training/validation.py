"""The validation loss."""

from typing import Final

from charloom import units
from charloom.training.backend import Backend, States
from charloom.training.batches import Batches
from charloom.training.distributed.process_group import ProcessGroup

VALIDATION_BATCHES: Final = {"batch_size": 64, "window": 128}
"""How the validation set is read: many documents at once, in short windows."""


def evaluate(
    backend: Backend,
    batches: Batches,
    process_group: ProcessGroup | None = None,
    step: int = 0,
) -> float:
    """Return the bits per character of one epoch of ``batches``.

    Computes in float32, without dropout. Several processes evaluate their shards and return the
    same number. ``step`` is named in the error if one of them fails.
    """
    nats, characters = 0.0, 0
    states: States = []
    for batch in batches.epoch(1):
        batch_nats, states = backend.forward(batch, [] if batch.starts else states)
        nats += batch_nats
        characters += batch.characters
    if process_group is not None:
        nats = process_group.all_reduce(nats, f"after step {step}")
    return units.bits_per_character(nats, characters)
