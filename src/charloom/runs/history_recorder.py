"""The listener that records the history of a run without a model folder."""

from typing import Final

from charloom.events import STEP_SECONDS, Event, Sample, Saved, Step, Throttle, Validation
from charloom.model_folder.history import History
from charloom.model_folder.metrics import MAX_POINTS

MAX_STEPS: Final = 2 * MAX_POINTS
"""Steps that are kept; beyond that, every second one of them is dropped."""


class HistoryRecorder:
    """Records validations, some of the steps, and the samples of the best weights.

    Its memory is bounded but for the validations, of which each takes some hundred bytes.
    """

    def __init__(self) -> None:
        self._throttle = Throttle(STEP_SECONDS)
        self._steps: list[Step] = []
        self._others: list[Event] = []
        self._samples: list[Sample] = []
        self._sampling_best = False

    def __call__(self, event: Event) -> None:
        """Record an event."""
        match event:
            case Step():
                self._add_step(event)
            case Sample():
                if self._sampling_best:
                    self._samples.append(event)
            case Validation():
                self._others.append(event)
                self._sampling_best = event.best
                if event.best:
                    self._samples = []
            case Saved():
                pass
            case _:
                self._others.append(event)

    def history(self) -> History:
        """Return the recorded events in the order of their steps."""
        events = [*self._steps, *self._others, *self._samples]
        order = {Step: 0, Validation: 1, Sample: 2}
        events.sort(key=lambda event: (event.step, order.get(type(event), 3)))
        return History(tuple(event.to_json() for event in events))

    def _add_step(self, event: Step) -> None:
        if not self._throttle.admit(event.seconds):
            return
        self._steps.append(event)
        if len(self._steps) > MAX_STEPS:
            self._steps = self._steps[::2]
