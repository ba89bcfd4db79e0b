"""Step hooks that save and restore the state of a run.

The process that writes the model folder has a Checkpointer, and all others have a CheckpointPeer.
The trainer calls its hook between two steps. A hook is built before the trainer, so ``start``
connects the two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from charloom.errors import DivergedError
from charloom.model_folder.checkpoint import Checkpoint
from charloom.model_folder.writer import ModelWriter
from charloom.runs.listeners import BestWeights
from charloom.runs.resume import check_same_texts, resume_notes
from charloom.training.stateful import Stateful

if TYPE_CHECKING:
    from charloom.training.trainer import Trainer

BEST_WEIGHTS: Final = "keeper"
"""The name of the best weights in checkpoints."""


class CheckpointHook(Protocol):
    """A step hook of the trainer that is also started with a checkpoint."""

    def start(self, trainer: Trainer, checkpoint: Checkpoint | None) -> list[str]:
        """Restore ``checkpoint``, or save the first one if it is None.

        Returns notes for the user. Raises ResumeError if the texts are not those of the checkpoint.
        """
        ...

    def request(self) -> None:
        """Request a checkpoint after the current step."""
        ...

    def due(self) -> bool:
        """Return whether this process requests a checkpoint after the current step."""
        ...

    def __call__(self, force: bool) -> None:
        """Save if a checkpoint is due, and in any case with ``force``."""
        ...


class Checkpointer:
    """Saves checkpoints on schedule, on request and when the run ends.

    ``run`` is the result of ``describe_run``. ``members`` are saved and restored along with the
    trainer, under their names.
    """

    def __init__(
        self,
        writer: ModelWriter,
        run: Mapping[str, Any],
        members: Mapping[str, Stateful],
        best_weights: BestWeights,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._run = run
        self._members = members
        self._best_weights = best_weights
        self._clock = clock
        self._last = clock()
        self._requested = False
        self._trainer: Trainer | None = None

    def start(self, trainer: Trainer, checkpoint: Checkpoint | None) -> list[str]:
        """Restore ``checkpoint``, or save the first one if it is None.

        Returns notes for the user. Raises ResumeError if the texts are not those of the checkpoint.
        """
        self._trainer = trainer
        self._members = {"trainer": trainer, **self._members}
        if checkpoint is None:
            # The model folder has a checkpoint from the moment it exists.
            self._save()
            return []
        from charloom.training.state_codec import unpack

        check_same_texts(self._writer.path, checkpoint.run, self._run)
        states = unpack(checkpoint.state, checkpoint.tensors)
        for name, member in self._members.items():
            member.load_state_dict(states[name])
        return resume_notes(checkpoint.run, self._run, trainer.step, trainer.epoch, trainer.seconds)

    def request(self) -> None:
        """Request a checkpoint after the current step."""
        self._requested = True

    def due(self) -> bool:
        """Return whether a checkpoint was requested, or the last one is old enough."""
        waited = self._clock() - self._last
        return self._requested or waited >= self._run["checkpoint_seconds"]

    def __call__(self, force: bool) -> None:
        """Save if a checkpoint is due, and in any case with ``force``."""
        if self._trainer is not None and (force or self.due()):
            self._save()
            self._best_weights.write_unmeasured(self._trainer.step, self._trainer.seconds)

    def _save(self) -> None:
        """Write a checkpoint; raises DivergedError if a number in it is not finite."""
        from charloom.training.state_codec import all_finite, pack

        self._requested = False
        states = {name: member.state_dict() for name, member in self._members.items()}
        if not all_finite(states):
            step = 0 if self._trainer is None else self._trainer.step
            raise DivergedError(
                f"a weight became infinite or NaN by step {step}; finite numbers are needed: "
                "try a smaller --lr, or --precision fp32."
            )
        state, tensors = pack(states)
        self._writer.save_checkpoint(Checkpoint(run=self._run, state=state, tensors=tensors))
        self._last = self._clock()


class CheckpointPeer:
    """Takes part in the checkpoints of process 0, in a process that does not write.

    The state of a trainer is gathered from all processes, so each must call ``state_dict``.
    """

    def __init__(self, best_weights: BestWeights) -> None:
        self._best_weights = best_weights
        self._trainer: Trainer | None = None

    def start(self, trainer: Trainer, checkpoint: Checkpoint | None) -> list[str]:
        """Restore ``checkpoint``, or take part in the first one if it is None; no notes."""
        self._trainer = trainer
        if checkpoint is None:
            trainer.state_dict()
            return []
        from charloom.training.state_codec import unpack

        states = unpack(checkpoint.state, checkpoint.tensors)
        trainer.load_state_dict(states["trainer"])
        self._best_weights.load_state_dict(states[BEST_WEIGHTS])
        return []

    def request(self) -> None:
        """Do nothing: process 0 decides when to save."""

    def due(self) -> bool:
        """Return False: process 0 decides when to save."""
        return False

    def __call__(self, force: bool) -> None:
        """Take part in a checkpoint of process 0."""
        if self._trainer is not None:
            self._trainer.state_dict()
