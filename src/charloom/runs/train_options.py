"""The keyword arguments of ``charloom.train``, for editors and type checkers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypedDict

from charloom.events import Listener
from charloom.runs.plan import Plan
from charloom.settings import (
    Cell,
    Errors,
    Freeze,
    KeepBest,
    Level,
    Optimizer,
    Precision,
    Schedule,
    Unit,
)


class RunOptions(TypedDict, total=False):
    """Arguments of a run that are no settings."""

    output: str | Path | None
    """The model folder to create. Without one the model stays in memory."""
    validation: str | Path | None
    """A file of validation texts. Otherwise a fraction of the documents is set aside."""
    preset: str | None
    """The name of a set of settings."""
    force: bool
    """Replace the model in ``output``."""
    resume: bool
    """Continue the run in ``output`` after its last checkpoint, however it ended. Settings left out
    are those of the run. Of a run that has used its budget, return the model."""
    checkpoint_seconds: float | None
    """Seconds between two checkpoints in ``output``; 30 if left out."""
    log: Literal["tensorboard"] | None
    """``"tensorboard"`` also writes event files for TensorBoard into ``output``."""
    listeners: Sequence[Listener]
    """Called with every event, in turn and between two steps. A Validation comes after the best
    weights are saved. A listener that raises gets no more events, and the run stops as with Ctrl-C.
    Its exception is raised after everything is saved."""
    checker: str | Callable[[str], object] | None
    """A function that returns whether a text is accepted, or a command, which reads one text a line
    and writes 1 or 0 for each. The fraction of accepted texts is measured at each validation."""
    checker_timeout: float
    """Seconds that a command has for 1,000 texts; 60 if left out."""
    on_start: Callable[[Plan], None] | None
    """Called with the plan before the first step."""
    on_read: Callable[[int, int], None] | None
    """Called while sources are read for the first time, with the bytes read since the last call and
    the bytes of all sources."""


class TrainOptions(RunOptions, total=False):
    """Arguments of a run and settings: fields of Text-, Network- and TrainingSettings.

    Settings left out are chosen from the corpus, the budget and a short benchmark of the machine.
    """

    level: Level
    token_pattern: str | None
    unit: Unit
    columns: Sequence[str]
    label_column: str | None
    header: bool | None
    encoding: str
    errors: Errors
    delimiter: str | None
    separator: str | None
    separator_regex: str | None
    clean: bool
    unique_documents: bool
    mask_digits: bool
    min_count: int
    valid_fraction: float
    valid_tail: bool
    cell: Cell
    hidden: int
    layers: int
    input: int | Literal["one-hot"]
    dropout: float
    minutes: float | None
    epochs: int | None
    steps: int | None
    batch_size: int
    window: int
    learning_rate: float
    schedule: Schedule
    optimizer: Optimizer
    weight_decay: float
    average: bool
    source_weights: Sequence[float]
    freeze: Freeze
    clip: float
    keep_optimizer: bool
    seed: int
    device: str
    precision: Precision
    sample_every: float | None
    prompts: Sequence[str]
    temperatures: Sequence[float]
    checked_texts: int
    keep_best: KeepBest
    index: bool
