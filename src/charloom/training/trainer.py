"""The loop: batch, loss, step, emit. It receives built objects only.

Teacher forcing: at every step the network reads the true symbol and is asked for the next.
Gradients are truncated at window ends (truncated backpropagation through time); the state is
carried on.
"""

import collections
import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from charloom import units
from charloom.errors import DivergedError, ProcessError
from charloom.events import EmittingListener, Event, Step, Stopped, Validation
from charloom.network.autograd.module import Network
from charloom.network.backprop.batch import Batch
from charloom.settings import TrainingSettings
from charloom.training.batches import Batches
from charloom.training.data_parallel import DataParallel, States
from charloom.training.distributed.process_group import ProcessGroup
from charloom.training.memory import MemoryMeter
from charloom.training.optim.averaging import WeightAverage
from charloom.training.optim.optimizer import Optimizer, clip_gradients
from charloom.training.optim.schedule import dropout, learning_rate
from charloom.training.progress import (
    MIN_INTERVAL,
    OverfittingDetector,
    RunningMean,
    Stopwatch,
    ValidationSchedule,
)
from charloom.training.stateful import Stateful
from charloom.training.threads import Prefetcher

# How the validation part is read: the longest texts first, many at once, the state carried.
VALIDATION_BATCHES: Final = {"batch_size": 64, "window": 128}
_COUNTERS: Final = ("step", "best", "_progress", "epoch", "_batches", "_symbols")


def evaluate(
    network: Network,
    batches: Batches,
    data_parallel: DataParallel,
    process_group: ProcessGroup | None = None,
    step: int = 0,
) -> float:
    """Return the bits per character of one epoch of ``batches``, without dropout, in float32.

    Several processes read their streams each, and get the same figure.
    """
    nats, characters = 0.0, 0
    states: States = []
    network.eval()
    for batch in batches.epoch(1):
        batch_nats, states = data_parallel.forward(batch, [] if batch.starts else states)
        nats += batch_nats
        characters += batch.characters
    network.train()
    if process_group is not None:
        nats = process_group.all_reduce(nats, f"after step {step}")
    return units.bits_per_character(nats, characters)


class StepHook(Protocol):
    """What acts between two steps."""

    def due(self) -> bool:
        """Return whether it wishes to, in this process."""
        ...

    def __call__(self, ending: bool) -> None:
        """Act if it is due, or the run is ``ending``."""
        ...


@dataclasses.dataclass(kw_only=True)
class Trainer:
    """Trains ``network`` on ``training`` until its budget is used or ``stop`` was called.

    Every event goes to each listener in turn, in the order of the list. Several processes, each
    with a trainer, take the same steps: what decides on the way is the clock of process 0, and the
    wish of any of them to stop.
    """

    network: Network
    training_batches: Batches
    validation_batches: Batches
    optimizer: Optimizer
    data_parallel: DataParallel
    settings: TrainingSettings
    listeners: Sequence[EmittingListener]
    clock: Callable[[], float] = time.perf_counter
    step_hook: StepHook | None = None
    """Called between two steps, while time stands still, with False; and with True after the step
    at which ``stop`` ended the run."""
    process_group: ProcessGroup = dataclasses.field(default_factory=ProcessGroup)
    min_interval: float = MIN_INTERVAL
    """Least share of a budget of minutes between two validations at ends of epochs."""

    def __post_init__(self) -> None:
        self.step = 0
        self.best = math.inf
        self._progress = 0.0
        self.epoch, self._batches, self._symbols = 1, 0, 0
        self._prefetcher: Prefetcher[Batch] = Prefetcher(iter([]), self.data_parallel.threads)
        """The minibatches that are left of the epoch."""
        self._states: States = []
        self._seconds = 0.0
        """Seconds of training at the last step, by the clock of process 0."""
        self._stop_requested = False
        """Whether this process wishes to stop."""
        self._stop_agreed = False
        """Whether all processes know of such a wish."""
        self._validation_requested = False
        self._hook_requested = False
        """Whether a process wishes to save."""
        self._events: collections.deque[Event] = collections.deque()
        self._stopwatch = Stopwatch(self.clock)
        self._schedule = ValidationSchedule(self.settings, self.min_interval)
        self._weights = list(self.network.parameters())
        self._loss = RunningMean()
        self._throughput = RunningMean()
        self._overfitting = OverfittingDetector()
        self._weight_average = WeightAverage(self.network) if self.settings.average else None
        self._memory = MemoryMeter(self._weights[0].device)
        self._components: dict[str, Stateful] = {
            "stopwatch": self._stopwatch,
            "pace": self._schedule,
            "loss": self._loss,
            "rate": self._throughput,
            "overfitting": self._overfitting,
            "optimizer": self.optimizer,
        }
        if self._weight_average is not None:
            self._components["average"] = self._weight_average

    def state_dict(self) -> dict[str, Any]:
        """Return all that decides how the run goes on after the step that was taken last.

        The order of the data follows from the seed and the epoch, so the number of batches is their
        whole position.
        """
        counters = {name.lstrip("_"): getattr(self, name) for name in _COUNTERS}
        members = {name: member.state_dict() for name, member in self._components.items()}
        return {
            "counters": counters,
            **members,
            "network": self.network.state_dict(),
            "random": self.data_parallel.state_dict(),
            "carried": self.process_group.gather_states(
                self.data_parallel.gather_states(self._states)
            ),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state`` returned; the settings and the texts must be the same."""
        for name in _COUNTERS:
            setattr(self, name, state["counters"][name.lstrip("_")])
        for name, member in self._components.items():
            member.load_state_dict(state[name])
        self.network.load_state_dict(state["network"])
        self.data_parallel.load_state_dict(state["random"], self.step)
        self._states = self.data_parallel.scatter_states(state["carried"])

    def request_validation(self) -> None:
        """Ask for a validation, and so for samples, after the current step."""
        self._validation_requested = True

    def stop(self) -> None:
        """Ask for an end after the current step; everything is kept.

        Other processes hear of it in the step that follows, and all end after that one.
        """
        self._stop_requested = True
        self._stop_agreed = self._stop_agreed or self.process_group.is_single

    def emit(self, event: Event) -> None:
        """Call every listener with ``event``, and then with the events that they return."""
        self._events.append(event)
        if len(self._events) > 1:
            return
        while self._events:
            for listener in self.listeners:
                self._events.extend(listener(self._events[0]) or ())
            self._events.popleft()

    def run(self) -> Stopped:
        """Train to the end of the budget; return the last event.

        A KeyboardInterrupt after ``stop`` ends at once, without measuring the last weights. Raises
        DivergedError when the loss is no longer a finite number, ProcessError when another process
        has gone.
        """
        cut_short = False
        try:
            with self.data_parallel.threads:
                self._run_epochs()
                if self._schedule.last_step != self.step:
                    self._validate()
        except (KeyboardInterrupt, ProcessError):
            if not self._stop_agreed:
                raise
            cut_short = True
            self._events.clear()
        stopped = Stopped(
            step=self.step,
            seconds=self._stopwatch.seconds,
            reason="interrupted" if cut_short or self._progress < 1 else "budget",
            bits_per_character=self.best if math.isfinite(self.best) else None,
        )
        self.emit(stopped)
        return stopped

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._stopwatch.seconds

    @property
    def _finished(self) -> bool:
        return self._stop_agreed or self._progress >= 1

    def _run_epochs(self) -> None:
        """Take steps until the budget is used, or ``stop`` was called."""
        while True:
            self._run_epoch()
            if self._finished:
                break
            self.epoch, self._batches, self._symbols = self.epoch + 1, 0, 0
            self._states = []
        if self._progress < 1:
            self._run_step_hook(ending=True)

    def _run_epoch(self) -> None:
        """Read the training part, or what is left of it, or until the budget is used."""
        self._stopwatch.start()
        self._prefetcher = Prefetcher(
            self.training_batches.epoch(self.epoch, self._batches), self.data_parallel.threads
        )
        for batch in self._prefetcher:
            rate = learning_rate(self.settings, self._progress)
            highest = self.network.settings.dropout
            self.network.dropout = dropout(self.settings, highest, self._progress)
            self._states = self._take_step(batch, [] if batch.starts else self._states, rate)
            self._batches += 1
            self._symbols += batch.symbols
            passes = self.epoch - 1 + self._symbols / self.training_batches.symbols
            self._progress = self._schedule.progress(self.step, passes, self._seconds)
            self._emit_step(rate)
            if self._finished:
                break
            if self._validation_requested or self._schedule.due(self._seconds):
                self._validate()
            self._run_step_hook(ending=False)
        self._stopwatch.pause()
        if not self._finished and self._schedule.due_at_epoch_end(self.step, self._seconds):
            self._validate()

    def _run_step_hook(self, *, ending: bool) -> None:
        """Let others act at a moment when the state is that of a step which is done.

        Alone, they decide when; of several processes, all act when one of them wished to.
        """
        if self.step_hook is not None and (
            self.process_group.is_single or self._hook_requested or ending
        ):
            self._stopwatch.pause()
            self.step_hook(ending or not self.process_group.is_single)
            if not ending:
                self._stopwatch.start()

    def _take_step(self, batch: Batch, states: States, rate: float) -> States:
        """Take one optimizer step; return the states after the batch."""
        began = self._stopwatch.seconds
        self.data_parallel.begin_step(self.step)
        nats, states = self.data_parallel.forward_backward(batch, states)
        total = self._all_reduce(nats)
        if not math.isfinite(total):
            raise _not_finite("the loss", total, self.step + 1)
        norm = clip_gradients(self._weights, self.settings.clip)
        if not math.isfinite(norm):
            raise _not_finite("the gradient", norm, self.step + 1)
        self._prefetcher.prefetch()  # threads that computed for a part are free now
        self.optimizer.step(rate)
        if self._weight_average is not None:
            self._weight_average.update()
        self.step += 1
        self._loss.update(units.bits(total), batch.characters)
        self._throughput.update(batch.characters, self._stopwatch.seconds - began)
        return states

    def _all_reduce(self, nats: float) -> float:
        """Return the nats of all processes; sum their gradients, and take note of their wishes."""
        seconds = self._stopwatch.seconds if self.process_group.is_main else 0.0
        save = self.step_hook is not None and self.step_hook.due()
        total, self._seconds, *wishes = self.process_group.all_reduce_gradients(
            self._weights,
            [
                nats,
                seconds,
                float(self._stop_requested),
                float(self._validation_requested),
                float(save),
            ],
            f"at step {self.step + 1}",
        )
        self._stop_agreed, self._validation_requested, self._hook_requested = (
            wish > 0 for wish in wishes
        )
        return total

    def _emit_step(self, rate: float) -> None:
        seconds = self._stopwatch.seconds
        self._memory.update(seconds)
        self.emit(
            Step(
                step=self.step,
                seconds=seconds,
                epoch=self.epoch,
                progress=self._progress,
                bits_per_character=self._loss.value,
                characters_per_second=self._throughput.value,
                learning_rate=rate,
                memory_bytes=self._memory.process_bytes,
                device_memory_bytes=self._memory.device_bytes,
            )
        )

    def _validate(self) -> None:
        """Measure and tell the figure, of the average weights if any; time stands still."""
        self._stopwatch.pause()
        self._validation_requested = False
        average = self._weight_average
        # Listeners that keep or show the weights are called within.
        with contextlib.nullcontext() if average is None else average.swapped_in():
            self._evaluate()
        self._stopwatch.start()

    def _evaluate(self) -> None:
        figure = evaluate(
            self.network, self.validation_batches, self.data_parallel, self.process_group, self.step
        )
        if not math.isfinite(figure):
            raise _not_finite("the validation figure", figure, self.step)
        best = figure < self.best
        self.best = min(figure, self.best)
        self._schedule.record(self.step, self._seconds)
        self.emit(
            Validation(
                step=self.step,
                seconds=self._stopwatch.seconds,
                epoch=self.epoch,
                progress=self._progress,
                bits_per_character=figure,
                training_bits_per_character=self._loss.value,
                best=best,
                overfitting=self._overfitting.update(figure, self._loss.value),
            )
        )


def _not_finite(what: str, value: float, step: int) -> DivergedError:
    return DivergedError(
        f"{what} became {value} at step {step}; a finite number is needed: "
        "try a smaller --lr, or --precision fp32."
    )
