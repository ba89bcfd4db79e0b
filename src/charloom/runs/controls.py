"""Requests to a running training: from signals, and from listeners that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from charloom.runs.checkpointing import CheckpointHook
    from charloom.training.trainer import Trainer


class RunControls:
    """Passes requests on to a trainer, which carries them out after the current step.

    Signals and listeners need these methods before there is a trainer, and a trainer needs its
    listeners to be built: hence this object between them.
    """

    def __init__(self) -> None:
        self._trainer: Trainer | None = None
        self._hook: CheckpointHook | None = None
        self._stop_requested = False

    def attach(self, trainer: Trainer, hook: CheckpointHook | None) -> None:
        """Pass requests on from now on.

        An earlier request to stop takes effect after one step.
        """
        self._trainer, self._hook = trainer, hook
        if self._stop_requested:
            trainer.stop()

    def stop(self) -> None:
        """Stop after the current step and save everything."""
        self._stop_requested = True
        if self._trainer is not None:
            self._trainer.stop()

    def save(self) -> None:
        """Validate, write samples and save a checkpoint; no effect before training starts."""
        if self._trainer is not None:
            self._trainer.request_validation()
        if self._hook is not None:
            self._hook.request()
