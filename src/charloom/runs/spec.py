"""What is to be done, before a text was read."""

import dataclasses

from charloom.model_folder.checkpoint import Checkpoint
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What is to be done, before a text was read."""

    text: TextSettings
    network: NetworkSettings
    training: TrainingSettings
    validation: str | None
    """The file of one's own to measure on."""
    checkpoint_seconds: float | None
    """Seconds between two checkpoints; None: CHECKPOINT_SECONDS."""
    checkpoint: Checkpoint | None = None
    """Where the run goes on."""
    explicit: frozenset[str] | None = None
    """The settings that were given; None: nothing is open any more."""
    finished: bool = False
    """Whether the run has come to its end already."""
