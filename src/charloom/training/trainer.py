"""The training loop: read a minibatch, take an optimizer step, emit events.

Teacher forcing: at every time step the network reads the true symbol and predicts the next one.
Backpropagation through time is truncated at the ends of windows; the hidden state is carried over.
"""

import collections
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from charloom import units
from charloom.errors import DivergedError, ProcessError
from charloom.events import EmittingListener, Event, Step, Stopped, Validation
from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.randomness import random_key
from charloom.settings import TrainingSettings
from charloom.training.backend import Backend, States
from charloom.training.batches import Batches
from charloom.training.distributed.process_group import ProcessGroup
from charloom.training.memory import MemoryMeter
from charloom.training.optim.schedule import dropout, learning_rate
from charloom.training.progress import (
    OverfittingDetector,
    RunningMean,
    Stopwatch,
    ValidationSchedule,
)
from charloom.training.stateful import Stateful
from charloom.training.step_hook import StepHook
from charloom.training.threads import Prefetcher
from charloom.training.trainer_state import StepSums, TrainerState
from charloom.training.validation import evaluate
from charloom.training.validation_batches import ValidationBatches


@dataclasses.dataclass(kw_only=True)
class Trainer:
    """Trains a network until the budget of ``settings`` is used or ``stop`` is called.

    Listeners are called with every event, in the order of the list. Several processes, each with
    its own trainer, take the same steps: progress follows from the clock of process 0, and a
    request of any process is carried out by all.
    """

    backend: Backend
    training_batches: Batches
    validation_batches: ValidationBatches
    settings: TrainingSettings
    listeners: Sequence[EmittingListener]
    clock: Callable[[], float] = time.perf_counter
    step_hook: StepHook | None = None
    """Called after each step that is followed by another, and with ``force`` when a run is stopped
    before its budget is used. Of several processes, all call it with ``force`` once it is due in
    any, and not otherwise."""
    process_group: ProcessGroup = dataclasses.field(default_factory=ProcessGroup)
    is_trained: bool = False
    """Whether the weights are those of a trained model, which are validated before the first step
    and kept unless training improves them."""
    accepted_share: Callable[[], float] | None = None
    """Returns the fraction of texts, generated with the current weights, that a checker accepts;
    called in process 0 at each validation."""

    def __post_init__(self) -> None:
        self.state = TrainerState()
        self._hidden_states: States = []
        """Hidden states after the last window, one for each shard."""
        self._epoch_symbols = 0
        """Targets in the current epoch."""
        self._seconds = 0.0
        """Time of the last step or validation, by the clock of process 0."""
        self._stop_requested = False
        """Whether this process requests to stop."""
        self._stop_agreed = False
        """Whether all processes know of such a request."""
        self._validation_requested = False
        self._hook_requested = False
        """Whether the step hook is due in any process."""
        self._stopwatch = Stopwatch(self.clock)
        self._schedule = ValidationSchedule(self.settings)
        self._loss = RunningMean()
        self._throughput = RunningMean()
        self._overfitting = OverfittingDetector()
        self._memory = MemoryMeter(self.backend.device_bytes)
        # The keys are those of checkpoints.
        self._components: dict[str, Stateful] = {
            "stopwatch": self._stopwatch,
            "pace": self._schedule,
            "loss": self._loss,
            "rate": self._throughput,
            "overfitting": self._overfitting,
            "backend": self.backend,
        }

    @property
    def step(self) -> int:
        """Optimizer steps taken."""
        return self.state.step

    @property
    def epoch(self) -> int:
        """The current epoch, from 1."""
        return self.state.epoch

    @property
    def best(self) -> float:
        """Validation loss of the best weights; infinite before the first validation."""
        return self.state.best

    @property
    def seconds(self) -> float:
        """Time since training started, validations and step hooks included."""
        return self._stopwatch.seconds

    def run(self) -> Stopped:
        """Train until the budget is used or ``stop`` was called; return the last event.

        A KeyboardInterrupt after ``stop`` ends the run at once, without the last validation. Raises
        DivergedError if a loss or gradient is not finite, ProcessError if another process ended.
        """
        interrupted = False
        try:
            with self.backend.threads:
                if self.is_trained and self.state.step == 0:
                    self._stopwatch.start()
                    self._validate()
                self._run_epochs()
                if self._schedule.last_step != self.state.step:
                    self._validate()
        except (KeyboardInterrupt, ProcessError):
            if not self._stop_agreed:
                raise
            interrupted = True
        best = self.state.best
        stopped = Stopped(
            step=self.state.step,
            seconds=self._stopwatch.seconds,
            reason="interrupted" if interrupted or self.state.progress < 1 else "budget",
            bits_per_character=best if math.isfinite(best) else None,
        )
        self._emit(stopped)
        return stopped

    def _run_epochs(self) -> None:
        while True:
            self._run_epoch()
            if self._finished:
                break
            self.state.epoch, self.state.batches, self.state.symbols = self.state.epoch + 1, 0, 0
            self._hidden_states = []
        if self.state.progress < 1:
            self._run_step_hook(ending=True)

    @property
    def _finished(self) -> bool:
        return self._stop_agreed or self.state.progress >= 1

    def _run_epoch(self) -> None:
        """Take the remaining steps of the current epoch, or until the run is finished."""
        self._stopwatch.start()
        self._epoch_symbols = self.training_batches.symbols(self.state.epoch)
        batches = Prefetcher(
            self.training_batches.epoch(self.state.epoch, self.state.batches),
            self.backend.threads,
        )
        for batch in batches:
            rate = learning_rate(self.settings, self.state.progress)
            self._take_step(batch, rate, batches.prefetch)
            self._update_progress(batch)
            self._emit_step(rate)
            if self._finished:
                break
            if self._validation_requested or self._schedule.due(self._seconds):
                self._validate()
            self._run_step_hook(ending=False)
        if not self._finished and self._schedule.due_at_epoch_end(self.state.step, self._seconds):
            self._validate()

    def _take_step(self, batch: Batch, rate: float, prefetch: Callable[[], None]) -> None:
        """Take one optimizer step.

        ``prefetch`` starts to read the next batch.
        """
        began = self._stopwatch.seconds
        states = [] if batch.starts else self._hidden_states
        nats, self._hidden_states = self.backend.forward_backward(batch, states, self._dropout())
        total_nats = self._sum_over_processes(nats)
        if not math.isfinite(total_nats):
            raise _not_finite("the loss", total_nats, self.state.step + 1)
        norm = self.backend.gradient_norm()
        if not math.isfinite(norm):
            raise _not_finite("the gradient", norm, self.state.step + 1)
        prefetch()  # threads that computed a shard are free now
        self.backend.step(rate, min(1.0, self.settings.clip / norm) if norm else 1.0)
        self.state.step += 1
        self._loss.update(units.bits(total_nats), batch.characters)
        self._throughput.update(batch.characters, self._stopwatch.seconds - began)

    def _dropout(self) -> Dropout:
        """Return the dropout of the next step."""
        max_dropout = self.backend.network.dropout
        p = dropout(self.settings, max_dropout, self.state.progress)
        return Dropout(p, random_key(self.settings.seed, self.state.step))

    def _sum_over_processes(self, nats: float) -> float:
        """Sum gradients and requests over all processes; return the sum of ``nats``."""
        own = StepSums(
            nats=nats,
            seconds=self._stopwatch.seconds if self.process_group.is_main else 0.0,
            stop=float(self._stop_requested),
            validation=float(self._validation_requested),
            hook=float(self.step_hook is not None and self.step_hook.due()),
        )
        where = f"at step {self.state.step + 1}"
        sums = StepSums(*self.process_group.all_reduce_gradients(self.backend, own, where))
        self._seconds = sums.seconds
        self._stop_agreed = sums.stop > 0
        self._validation_requested = sums.validation > 0
        self._hook_requested = sums.hook > 0
        return sums.nats

    def _update_progress(self, batch: Batch) -> None:
        state = self.state
        state.batches += 1
        state.symbols += batch.symbols
        epochs = state.epoch - 1 + state.symbols / self._epoch_symbols
        state.progress = self._schedule.progress(state.step, epochs, self._seconds)

    def _emit_step(self, rate: float) -> None:
        seconds = self._stopwatch.seconds
        self._memory.update(seconds)
        self._emit(
            Step(
                step=self.state.step,
                seconds=seconds,
                epoch=self.state.epoch,
                progress=self.state.progress,
                bits_per_character=self._loss.value,
                characters_per_second=self._throughput.value,
                learning_rate=rate,
                memory_bytes=self._memory.process_bytes,
                device_memory_bytes=self._memory.device_bytes,
            )
        )

    def _validate(self) -> None:
        """Emit the validation loss of the average weights, or of the last ones.

        Weights are averaged unless the setting ``average`` is off.
        """
        began = self._stopwatch.seconds
        self._validation_requested = False
        # Listeners that save or show weights are called within, so that they see the average.
        with self.backend.average_swapped_in():
            self._evaluate()
        own_duration = self._stopwatch.seconds - began
        duration = self.process_group.all_reduce(
            own_duration if self.process_group.is_main else 0.0, f"after step {self.state.step}"
        )
        self._seconds += duration
        # A validation before the first step takes longer, as it loads code: it sets no interval.
        self._schedule.record(self.state.step, self._seconds, duration if self.state.step else 0.0)

    def _evaluate(self) -> None:
        state = self.state
        loss = evaluate(self.backend, self.validation_batches, self.process_group, state.step)
        if not math.isfinite(loss):
            raise _not_finite("the validation loss", loss, state.step)
        # No training loss is lower than that before the first step.
        training_loss = self._loss.value if state.step else math.inf
        accepted = self._measure_accepted()
        is_best = state.keep(loss, accepted, self.settings.keep_best)
        self._emit(
            Validation(
                step=state.step,
                seconds=self._stopwatch.seconds,
                epoch=state.epoch,
                progress=state.progress,
                bits_per_character=loss,
                training_bits_per_character=training_loss if state.step else None,
                best=is_best,
                overfitting=self._overfitting.update(loss, training_loss),
                accepted=accepted,
            )
        )

    def _measure_accepted(self) -> float | None:
        """Return the fraction of accepted texts, the same in all processes."""
        if self.accepted_share is None:
            return None
        own = self.accepted_share() if self.process_group.is_main else 0.0
        return self.process_group.all_reduce(own, f"after step {self.state.step}")

    def _run_step_hook(self, *, ending: bool) -> None:
        """Call the step hook: of several processes, in all of them or in none."""
        single = self.process_group.is_single
        if self.step_hook is not None and (single or self._hook_requested or ending):
            self.step_hook(ending or not single)

    def _emit(self, event: Event) -> None:
        """Call every listener with ``event``, and then with each event that they return."""
        events = collections.deque([event])
        while events:
            for listener in self.listeners:
                events.extend(listener(events[0]) or ())
            events.popleft()

    def stop(self) -> None:
        """Request to stop after the current step; the last weights are validated and kept.

        Several processes agree on it in the next step, and stop after that one.
        """
        self._stop_requested = True
        self._stop_agreed = self._stop_agreed or self.process_group.is_single

    def request_validation(self) -> None:
        """Request a validation after the current step; samples are written at validations."""
        self._validation_requested = True

    def state_dict(self) -> dict[str, Any]:
        """Return everything that later steps depend on.

        The order of the data follows from the seed and the epoch, so the number of batches is
        enough to find the next one. All processes must call this together.
        """
        return {
            "counters": dataclasses.asdict(self.state),
            **{name: component.state_dict() for name, component in self._components.items()},
            "carried": self.process_group.gather_states(
                self.backend.gather_states(self._hidden_states)
            ),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``; settings and texts must be the same."""
        self.state = TrainerState(**state["counters"])
        for name, component in self._components.items():
            component.load_state_dict(state[name])
        self._hidden_states = self.backend.scatter_states(state["carried"])


def _not_finite(quantity: str, value: float, step: int) -> DivergedError:
    return DivergedError(
        f"{quantity} became {value} at step {step}; a finite number is needed: "
        "try a smaller --lr, or --precision fp32."
    )
