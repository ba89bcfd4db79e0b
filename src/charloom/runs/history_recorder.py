"""The listener that records the history of a run without a model folder."""

import itertools
from typing import Final

from charloom.events import STEP_SECONDS, Event, Sample, Saved, Step, Throttle, Validation
from charloom.model_folder.history import History
from charloom.model_folder.metrics import MAX_POINTS

MAX_STEPS: Final = 2 * MAX_POINTS
"""Steps that are kept; beyond that, every second one of them is dropped."""
MAX_SAMPLED: Final = 32
"""Validations whose samples are kept; beyond that, those of every second one are dropped."""


class HistoryRecorder:
    """Records validations, some of the steps, and samples of some validations.

    The samples of the first validation and of the best weights are always kept. Memory is bounded
    but for the validations, of which each takes some hundred bytes.
    """

    def __init__(self) -> None:
        self._throttle = Throttle(STEP_SECONDS)
        self._steps: list[Step] = []
        self._others: list[Event] = []
        self._validations = 0
        self._stride = 1
        self._samples: dict[int, list[Sample]] = {}
        """Those of every ``_stride``-th validation and of the last one, by number."""
        self._best_samples: list[Sample] = []

    def __call__(self, event: Event) -> None:
        """Record an event."""
        match event:
            case Step():
                self._add_step(event)
            case Sample():
                if self._samples:
                    self._samples[self._validations - 1].append(event)
            case Validation():
                self._others.append(event)
                self._begin_samples(event)
            case Saved():
                pass
            case _:
                self._others.append(event)

    def history(self) -> History:
        """Return the recorded events in the order of their steps."""
        kept = list(self._samples.values())
        if not any(samples is self._best_samples for samples in kept):
            kept.append(self._best_samples)
        events = [*self._steps, *self._others, *itertools.chain.from_iterable(kept)]
        order = {Step: 0, Validation: 1, Sample: 2}
        events.sort(key=lambda event: (event.step, order.get(type(event), 3)))
        return History(tuple(event.to_json() for event in events))

    def _begin_samples(self, event: Validation) -> None:
        """Keep the samples that follow a validation; drop others to stay within the limit."""
        if len(self._samples) >= MAX_SAMPLED:
            self._stride *= 2
        # The last one was kept wherever it was.
        self._samples = {k: kept for k, kept in self._samples.items() if k % self._stride == 0}
        samples: list[Sample] = []
        self._samples[self._validations] = samples
        self._validations += 1
        if event.best:
            self._best_samples = samples

    def _add_step(self, event: Step) -> None:
        if not self._throttle.admit(event.seconds):
            return
        self._steps.append(event)
        if len(self._steps) > MAX_STEPS:
            self._steps = self._steps[::2]
