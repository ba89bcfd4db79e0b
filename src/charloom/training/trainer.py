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
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from charloom import units
from charloom.errors import DivergedError, ProcessError
from charloom.events import Event, Listener, Step, Stopped, Validation
from charloom.network.autograd.module import Network
from charloom.network.backprop.batch import Batch
from charloom.settings import TrainingSettings
from charloom.training.batches import Batches
from charloom.training.data_parallel import Parts, States
from charloom.training.distributed.process_group import Ranks
from charloom.training.memory import Memory
from charloom.training.optim.averaging import WeightAverage
from charloom.training.optim.optimizer import Optimizer, clip
from charloom.training.optim.schedule import dropout, learning_rate
from charloom.training.progress import LEAST_GAP, Average, Overfitting, Pace, Stopwatch
from charloom.training.stateful import Stateful
from charloom.training.threads import Ahead

# How the validation part is read: the longest texts first, many at once, the state carried.
VALIDATION: Final = {"batch_size": 64, "window": 128}
_COUNTERS: Final = ("step", "best", "_progress", "epoch", "_batches", "_symbols")


def evaluate(
    network: Network, batches: Batches, parts: Parts, ranks: Ranks | None = None, step: int = 0
) -> float:
    """Return the bits per character of one epoch of ``batches``, without dropout, in float32.

    Several processes read their streams each, and get the same figure.
    """
    nats, characters = 0.0, 0
    states: States = []
    network.eval()
    for batch in batches.epoch(1):
        batch_nats, states = parts.measure(batch, [] if batch.starts else states)
        nats += batch_nats
        characters += batch.characters
    network.train()
    if ranks is not None:
        nats = ranks.add(nats, f"after step {step}")
    return units.bits_per_character(nats, characters)


class Boundary(Protocol):
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
    training: Batches
    validation: Batches
    optimizer: Optimizer
    parts: Parts
    settings: TrainingSettings
    listeners: list[Listener]
    clock: Callable[[], float] = time.perf_counter
    boundary: Boundary | None = None
    """Called between two steps, while time stands still, with False; and with True after the step
    at which ``stop`` ended the run."""
    ranks: Ranks = dataclasses.field(default_factory=Ranks)
    gap: float = LEAST_GAP
    """Least share of a budget of minutes between two validations at ends of epochs."""

    def __post_init__(self) -> None:
        self.step = 0
        self.best = math.inf
        self._progress = 0.0
        self.epoch, self._batches, self._symbols = 1, 0, 0
        self._ahead: Ahead[Batch] = Ahead(iter([]), self.parts.threads)
        """The minibatches that are left of the epoch."""
        self._states: States = []
        self._seconds = 0.0
        """Seconds of training at the last step, by the clock of process 0."""
        self._wishes_stop = False
        """Whether this process wishes to stop."""
        self._stopping = False
        """Whether all processes know of such a wish."""
        self._asked = False
        self._saving = False
        """Whether a process wishes to save."""
        self._events: collections.deque[Event] = collections.deque()
        self._watch = Stopwatch(self.clock)
        self._pace = Pace(self.settings, self.gap)
        self._weights = list(self.network.parameters())
        self._loss = Average()
        self._rate = Average()
        self._overfitting = Overfitting()
        self._average = WeightAverage(self.network) if self.settings.average else None
        self._memory = Memory(self._weights[0].device)
        self._members: dict[str, Stateful] = {
            "stopwatch": self._watch,
            "pace": self._pace,
            "loss": self._loss,
            "rate": self._rate,
            "overfitting": self._overfitting,
            "optimizer": self.optimizer,
        }
        if self._average is not None:
            self._members["average"] = self._average

    def state(self) -> dict[str, Any]:
        """Return all that decides how the run goes on after the step that was taken last.

        The order of the data follows from the seed and the epoch, so the number of batches is their
        whole position.
        """
        counters = {name.lstrip("_"): getattr(self, name) for name in _COUNTERS}
        members = {name: member.state() for name, member in self._members.items()}
        return {
            "counters": counters,
            **members,
            "network": self.network.state_dict(),
            "random": self.parts.state(),
            "carried": self.ranks.merged(self.parts.merged(self._states)),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state`` returned; the settings and the texts must be the same."""
        for name in _COUNTERS:
            setattr(self, name, state["counters"][name.lstrip("_")])
        for name, member in self._members.items():
            member.restore(state[name])
        self.network.load_state_dict(state["network"])
        self.parts.restore(state["random"], self.step)
        self._states = self.parts.divided(state["carried"])

    def report(self) -> None:
        """Ask for a validation, and so for samples, after the current step."""
        self._asked = True

    def stop(self) -> None:
        """Ask for an end after the current step; everything is kept.

        Other processes hear of it in the step that follows, and all end after that one.
        """
        self._wishes_stop = True
        self._stopping = self._stopping or self.ranks.alone

    def emit(self, event: Event) -> None:
        """Tell every listener of ``event``; one that a listener emits comes after it, for all."""
        self._events.append(event)
        if len(self._events) > 1:
            return
        while self._events:
            for listener in self.listeners:
                listener(self._events[0])
            self._events.popleft()

    def run(self) -> Stopped:
        """Train to the end of the budget; return the last event.

        A KeyboardInterrupt after ``stop`` ends at once, without measuring the last weights. Raises
        DivergedError when the loss is no longer a finite number, ProcessError when another process
        has gone.
        """
        cut_short = False
        try:
            with self.parts.threads:
                self._learn()
                if self._pace.reported_at != self.step:
                    self._validate()
        except (KeyboardInterrupt, ProcessError):
            if not self._stopping:
                raise
            cut_short = True
            self._events.clear()
        stopped = Stopped(
            step=self.step,
            seconds=self._watch.seconds,
            reason="interrupted" if cut_short or self._progress < 1 else "budget",
            bits_per_character=self.best if math.isfinite(self.best) else None,
        )
        self.emit(stopped)
        return stopped

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._watch.seconds

    @property
    def _finished(self) -> bool:
        return self._stopping or self._progress >= 1

    def _learn(self) -> None:
        """Take steps until the budget is used, or ``stop`` was called."""
        while True:
            self._read_epoch()
            if self._finished:
                break
            self.epoch, self._batches, self._symbols = self.epoch + 1, 0, 0
            self._states = []
        if self._progress < 1:
            self._between(ending=True)

    def _read_epoch(self) -> None:
        """Read the training part, or what is left of it, or until the budget is used."""
        self._watch.start()
        self._ahead = Ahead(self.training.epoch(self.epoch, self._batches), self.parts.threads)
        for batch in self._ahead:
            rate = learning_rate(self.settings, self._progress)
            highest = self.network.settings.dropout
            self.network.dropout = dropout(self.settings, highest, self._progress)
            self._states = self._step(batch, [] if batch.starts else self._states, rate)
            self._batches += 1
            self._symbols += batch.symbols
            passes = self.epoch - 1 + self._symbols / self.training.symbols
            self._progress = self._pace.progress(self.step, passes, self._seconds)
            self._tell(rate)
            if self._finished:
                break
            if self._asked or self._pace.due(self._seconds):
                self._validate()
            self._between(ending=False)
        self._watch.pause()
        if not self._finished and self._pace.due_at_epoch_end(self.step, self._seconds):
            self._validate()

    def _between(self, *, ending: bool) -> None:
        """Let others act at a moment when the state is that of a step which is done.

        Alone, they decide when; of several processes, all act when one of them wished to.
        """
        if self.boundary is not None and (self.ranks.alone or self._saving or ending):
            self._watch.pause()
            self.boundary(ending or not self.ranks.alone)
            if not ending:
                self._watch.start()

    def _step(self, batch: Batch, states: States, rate: float) -> States:
        """Take one optimizer step; return the states after the batch."""
        began = self._watch.seconds
        self.parts.begin(self.step)
        nats, states = self.parts.learn(batch, states)
        total = self._agree(nats)
        if not math.isfinite(total):
            raise _not_finite("the loss", total, self.step + 1)
        norm = clip(self._weights, self.settings.clip)
        if not math.isfinite(norm):
            raise _not_finite("the gradient", norm, self.step + 1)
        self._ahead.prepare()  # threads that computed for a part are free now
        self.optimizer.step(rate)
        if self._average is not None:
            self._average.add()
        self.step += 1
        self._loss.add(units.bits(total), batch.characters)
        self._rate.add(batch.characters, self._watch.seconds - began)
        return states

    def _agree(self, nats: float) -> float:
        """Return the nats of all processes; sum their gradients, and take note of their wishes."""
        seconds = self._watch.seconds if self.ranks.first else 0.0
        save = self.boundary is not None and self.boundary.due()
        total, self._seconds, *wishes = self.ranks.add_gradients(
            self._weights,
            [nats, seconds, float(self._wishes_stop), float(self._asked), float(save)],
            f"at step {self.step + 1}",
        )
        self._stopping, self._asked, self._saving = (wish > 0 for wish in wishes)
        return total

    def _tell(self, rate: float) -> None:
        seconds = self._watch.seconds
        self._memory.measure(seconds)
        self.emit(
            Step(
                step=self.step,
                seconds=seconds,
                epoch=self.epoch,
                progress=self._progress,
                bits_per_character=self._loss.value,
                characters_per_second=self._rate.value,
                learning_rate=rate,
                memory_bytes=self._memory.process,
                device_memory_bytes=self._memory.device,
            )
        )

    def _validate(self) -> None:
        """Measure and tell the figure, of the average weights if any; time stands still."""
        self._watch.pause()
        self._asked = False
        average = self._average
        # Listeners that keep or show the weights are called within.
        with contextlib.nullcontext() if average is None else average.in_place():
            self._measure()
        self._watch.start()

    def _measure(self) -> None:
        figure = evaluate(self.network, self.validation, self.parts, self.ranks, self.step)
        if not math.isfinite(figure):
            raise _not_finite("the validation figure", figure, self.step)
        best = figure < self.best
        self.best = min(figure, self.best)
        self._pace.reported(self.step, self._seconds)
        self.emit(
            Validation(
                step=self.step,
                seconds=self._watch.seconds,
                epoch=self.epoch,
                progress=self._progress,
                bits_per_character=figure,
                training_bits_per_character=self._loss.value,
                best=best,
                overfitting=self._overfitting.notice(figure, self._loss.value),
            )
        )


def _not_finite(what: str, value: float, step: int) -> DivergedError:
    return DivergedError(
        f"{what} became {value} at step {step}; a finite number is needed: "
        "try a smaller --lr, or --precision fp32."
    )
