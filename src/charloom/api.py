"""The public function that trains a model."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from charloom.events import Listener
from charloom.model import Model
from charloom.runs.plan import Plan
from charloom.runs.request import Sources, TrainRequest, source_names
from charloom.runs.train import train_model


def train(
    sources: Sources,
    *,
    output: str | Path | None = None,
    validation: str | Path | None = None,
    preset: str | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_seconds: float | None = None,
    log: str | None = None,
    listeners: Sequence[Listener] = (),
    on_start: Callable[[Plan], None] | None = None,
    on_read: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Model:
    """Train a model on texts and return it with its best weights by validation.

    Args:
        sources: Files, folders, globs, ``"-"`` (standard input) or names of corpora.
        output: The model folder to create. Without one the model stays in memory.
        validation: A file of validation texts. Otherwise a fraction of the documents is set aside.
        preset: The name of a set of settings.
        force: Replace the model in ``output``.
        resume: Continue the run in ``output`` after its last checkpoint, however it ended. Settings
            left out are those of the run. Of a run that has used its budget, return the model.
        checkpoint_seconds: Seconds between two checkpoints in ``output``; 30 if left out.
        log: ``"tensorboard"`` also writes event files for TensorBoard into ``output``.
        listeners: Called with every event, in turn and between two steps. A Validation comes after
            the best weights are saved. A listener that raises gets no more events, and the run
            stops as with Ctrl-C. Its exception is raised after everything is saved.
        on_start: Called with the plan before the first step.
        on_read: Called while sources are read for the first time, with the bytes read since the
            last call and the bytes of all sources.
        **options: Fields of TextSettings, NetworkSettings and TrainingSettings. Settings left out
            are chosen from the corpus, the budget and a short benchmark of the machine.

    Ctrl-C stops after the current step, validates and saves everything. A second one leaves out the
    validation. SIGTERM and SIGHUP do the same, and have their previous effect afterwards. SIGUSR1
    validates, writes samples and saves after the current step.

    Under torchrun, several processes train one model. Each calls this function with the same
    arguments and its own listeners. Only process 0 uses ``output``; all return the same model.

    Raises a subclass of CharloomError for every mistake that a user can correct.
    """
    request = TrainRequest(
        sources=source_names(sources),
        options=options,
        output=None if output is None else Path(output),
        validation=None if validation is None else str(validation),
        preset=preset,
        force=force,
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
        log=log,
        listeners=tuple(listeners),
        on_start=on_start,
        on_read=on_read,
    )
    return train_model(request)
