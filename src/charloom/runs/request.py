"""The arguments of a training run, from the library or the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.data.source_file import SourceFile
from charloom.errors import SettingsError
from charloom.events import Listener
from charloom.files import follow_link
from charloom.formatting import format_count
from charloom.generation.checker import Checker
from charloom.model_folder.format import ModelRecord
from charloom.settings import TextSettings, TrainingSettings

if TYPE_CHECKING:
    from charloom.runs.plan import Plan


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """The arguments of ``charloom.train``, which ``resolve`` checks."""

    sources: tuple[str, ...]
    options: Mapping[str, Any]
    """Explicit settings: fields of TextSettings, NetworkSettings and TrainingSettings."""
    output: Path | None = None
    """The model folder; None keeps the model in memory."""
    validation: str | None = None
    """A file that replaces the validation set split off the sources."""
    texts: SourceFile | None = None
    """Texts in memory, spooled to a file, instead of ``sources``."""
    validation_texts: SourceFile | None = None
    """The same instead of ``validation``."""
    checker: Checker | None = None
    """Judges sampled texts at each validation."""
    base: Path | ModelRecord | None = None
    """A model, or its folder, whose weights the run starts from."""
    extends: bool = False
    """Whether the run trains ``base`` longer, on the same texts."""
    preset: str | None = None
    force: bool = False
    """Replace the model in ``output``."""
    resume: bool = False
    """Continue the run in ``output`` from its checkpoint."""
    checkpoint_seconds: float | None = None
    """Seconds between two checkpoints; None: the default."""
    log: str | None = None
    """``"tensorboard"`` writes event files beside the model."""
    listeners: tuple[Listener, ...] = ()
    on_start: Callable[[Plan], None] | None = None
    """Called with the plan before the first step."""
    on_read: Callable[[int, int], None] | None = None
    """Called while sources are read: with the bytes read since the last call, and all bytes."""

    def __post_init__(self) -> None:
        if self.output is not None:  # a link is followed, not replaced
            object.__setattr__(self, "output", follow_link(self.output))

    @property
    def training_sources(self) -> Sequence[str | SourceFile]:
        """The sources of the training texts, wherever they are."""
        return self.sources if self.texts is None else (self.texts,)

    def validation_source(self, recorded: str | None) -> str | SourceFile | None:
        """Return the source of the validation texts.

        ``recorded`` is that of a resumed run.
        """
        return self.validation_texts or self.validation or recorded


def check_source_weights(
    request: TrainRequest, text: TextSettings, training: TrainingSettings
) -> None:
    """Raise SettingsError if the sources of a request cannot have their weights."""
    weights = training.source_weights
    if not weights:
        return
    if request.texts is not None:
        raise SettingsError(
            "source-weights were given with texts in memory, which are one source; leave them out, "
            "or write the texts of each source to a file."
        )
    if len(weights) != len(request.sources):
        shown = ", ".join(f"{weight:g}" for weight in weights)
        raise SettingsError(
            f"source-weights are {shown} for {format_count(len(request.sources), 'source')}; give "
            "one number for each SOURCE, in their order."
        )
    if text.unit == "stream":
        raise SettingsError(
            "source-weights were given with unit stream, which reads all texts in order as one; "
            "leave them out, or use --unit line or --unit document."
        )
