"""The validation loss."""

from charloom import units
from charloom.training.backend import Backend, States
from charloom.training.distributed.process_group import ProcessGroup
from charloom.training.validation_batches import ValidationBatches


def evaluate(
    backend: Backend,
    batches: ValidationBatches,
    process_group: ProcessGroup | None = None,
    step: int = 0,
) -> float:
    """Return the bits per character of the validation set.

    Computes in float32, without dropout. Several processes evaluate their shards and return the
    same number. ``step`` is named in the error if one of them fails.
    """
    nats, characters = 0.0, 0
    states: States = []
    for batch in batches:
        batch_nats, states = backend.forward(batch, [] if batch.starts else states)
        nats += batch_nats
        characters += batch.characters
    if process_group is not None:
        nats = process_group.all_reduce(nats, f"after step {step}")
    return units.bits_per_character(nats, characters)
