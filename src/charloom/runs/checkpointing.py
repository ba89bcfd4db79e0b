"""Checkpoints of a run that is going on, and going on from one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from charloom.errors import DivergedError
from charloom.model_folder.checkpoint import Checkpoint
from charloom.model_folder.writer import ModelWriter
from charloom.runs.listeners import BestWeights
from charloom.runs.resume import check_same_texts, resume_notes
from charloom.training.stateful import Stateful

if TYPE_CHECKING:
    from charloom.training.trainer import Trainer


class Checkpointer:
    """Writes a checkpoint between two steps: now and then, when asked, and at the end.

    ``run`` tells what the run is, and how many seconds lie between two checkpoints. ``members`` are
    all whose state must go on: whoever joins them is written and restored without more ado.
    """

    def __init__(
        self,
        writer: ModelWriter,
        run: Mapping[str, Any],
        members: Mapping[str, Stateful],
        trainer: Trainer,
        best_weights: BestWeights,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._run = run
        self._members = members
        self._trainer = trainer
        self._best_weights = best_weights
        self._clock = clock
        self._last = clock()
        self._requested = False

    def request(self) -> None:
        """Ask for a checkpoint after the current step."""
        self._requested = True

    def start(self, checkpoint: Checkpoint | None) -> list[str]:
        """Go on from ``earlier``, or make the first checkpoint; return what to tell of that.

        Raises ResumeError if the texts are not those that ``earlier`` learned from.
        """
        if checkpoint is None:
            # A folder that is put in its place has a checkpoint in it from the first.
            self._write()
            return []
        from charloom.training.state_codec import unpack

        check_same_texts(self._writer.path, checkpoint.run, self._run)
        states = unpack(checkpoint.state, checkpoint.tensors)
        for name, member in self._members.items():
            member.load_state_dict(states[name])
        trainer = self._trainer
        return resume_notes(checkpoint.run, self._run, trainer.step, trainer.epoch, trainer.seconds)

    def due(self) -> bool:
        """Return whether it is time, or somebody asked."""
        waited = self._clock() - self._last
        return self._requested or waited >= self._run["checkpoint_seconds"]

    def __call__(self, ending: bool) -> None:
        """Save between two steps, if it is time or nothing comes after them."""
        if ending or self.due():
            self._write()
            self._best_weights.write_unmeasured(self._trainer.step, self._trainer.seconds)

    def _write(self) -> None:
        """Write a checkpoint; raises DivergedError instead of one that could not be used."""
        from charloom.training.state_codec import all_finite, pack

        self._requested = False
        states = {name: member.state_dict() for name, member in self._members.items()}
        if not all_finite(states):
            raise DivergedError(
                f"a weight became infinite or no number by step {self._trainer.step}; finite "
                "numbers are needed: try a smaller --lr, or --precision fp32."
            )
        state, tensors = pack(states)
        self._writer.save_checkpoint(Checkpoint(run=self._run, state=state, tensors=tensors))
        self._last = self._clock()
