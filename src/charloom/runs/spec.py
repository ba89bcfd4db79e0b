"""The specification of a run: its settings, resolved before its texts are read.

``with_auto_settings`` replaces settings that were left out, once the corpus is known.
"""

import dataclasses

from charloom.model_folder.checkpoint import Checkpoint
from charloom.runs.base import Base
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSpec:
    """The settings of a run, and the checkpoint that it continues from."""

    text: TextSettings
    network: NetworkSettings
    training: TrainingSettings
    validation: str | None
    """A file that replaces the validation set split off the sources."""
    checkpoint_seconds: float | None
    """Seconds between two checkpoints; None: CHECKPOINT_SECONDS."""
    checkpoint: Checkpoint | None = None
    """The state to continue from; None: a new run."""
    explicit: frozenset[str] | None = None
    """Settings that are not chosen automatically; None: all of them."""
    base: Base | None = None
    """The model whose weights the run starts from; None: random weights."""
    finished: bool = False
    """Whether the run has used its budget already, so that nothing is left to do."""
