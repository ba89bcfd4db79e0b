"""The loop: batch, loss, step, emit. It receives built objects only.

Teacher forcing: at every step the network reads the true symbol and is asked for the next.
Gradients are truncated at window ends (truncated backpropagation through time); the state is
carried on.
"""

import collections
import dataclasses
import itertools
import math
import time
from collections.abc import Callable
from typing import Final

import torch

from charloom import units
from charloom.errors import TrainingError
from charloom.events import Event, Listener, Step, Stopped, Validation
from charloom.learning.batches import Batch, Batches
from charloom.learning.memory import Memory
from charloom.learning.network import Network
from charloom.learning.optimizer import learning_rate, set_learning_rate
from charloom.learning.parts import Parts, States
from charloom.learning.progress import Average, Overfitting, Pace, Stopwatch
from charloom.settings import TrainingSettings

# How the validation part is read: the longest texts first, many at once, the state carried.
VALIDATION: Final = {"batch_size": 64, "window": 128}


def evaluate(network: Network, batches: Batches, parts: Parts) -> float:
    """Return the bits per character of one epoch of ``batches``, without dropout, in float32."""
    nats, characters = 0.0, 0
    states: States = []
    network.eval()
    for batch in batches.epoch(1):
        batch_nats, states = parts.measure(batch, [] if batch.starts else states)
        nats += batch_nats
        characters += batch.characters
    network.train()
    return units.bits_per_character(nats, characters)


@dataclasses.dataclass(kw_only=True)
class Trainer:
    """Trains ``network`` on ``training`` until its budget is used or ``stop`` was called.

    Every event goes to each listener in turn, in the order of the list.
    """

    network: Network
    training: Batches
    validation: Batches
    optimizer: torch.optim.Optimizer
    parts: Parts
    settings: TrainingSettings
    listeners: list[Listener]
    clock: Callable[[], float] = time.perf_counter

    def __post_init__(self) -> None:
        self.step = 0
        self.best = math.inf
        self._progress = 0.0
        self._stopping = False
        self._events: collections.deque[Event] = collections.deque()
        self._watch = Stopwatch(self.clock)
        self._pace = Pace(self.settings)
        self._loss = Average()
        self._rate = Average()
        self._overfitting = Overfitting()
        self._memory = Memory(next(self.network.parameters()).device)

    def stop(self) -> None:
        """Ask for an end after the current step; everything is kept."""
        self._stopping = True

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
        TrainingError when the loss is no longer a finite number.
        """
        try:
            with self.parts:
                for epoch in itertools.count(1):
                    self._epoch(epoch)
                    if self._finished:
                        break
                if self._pace.reported_at != self.step:
                    self._validate(epoch)
        except KeyboardInterrupt:
            if not self._stopping:
                raise
            self._events.clear()
        stopped = Stopped(
            step=self.step,
            seconds=self._watch.seconds,
            reason="interrupted" if self._stopping else "budget",
            bits_per_character=self.best if math.isfinite(self.best) else None,
        )
        self.emit(stopped)
        return stopped

    @property
    def _finished(self) -> bool:
        return self._stopping or self._progress >= 1

    def _epoch(self, epoch: int) -> None:
        """Read the training part once, or until the budget is used."""
        states: States = []
        symbols = 0
        self._watch.start()
        for batch in self.training.epoch(epoch):
            rate = learning_rate(self.settings, self._progress)
            states = self._step(batch, [] if batch.starts else states, rate)
            symbols += batch.symbols
            passes = epoch - 1 + symbols / self.training.symbols
            self._progress = self._pace.progress(self.step, passes, self._watch.seconds)
            self._tell(epoch, rate)
            if self._finished:
                break
            if self._pace.due(self._watch.seconds):
                self._validate(epoch)
        self._watch.pause()
        if not self._finished and self._pace.due_at_epoch_end(self.step, self._watch.seconds):
            self._validate(epoch)

    def _step(self, batch: Batch, states: States, rate: float) -> States:
        """Take one optimizer step; return the states after the batch."""
        began = self._watch.seconds
        total, states = self.parts.learn(batch, states)
        if not math.isfinite(total):
            raise _not_finite("the loss", total, self.step + 1)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        self.step += 1
        self._loss.add(units.bits(total), batch.characters)
        self._rate.add(batch.characters, self._watch.seconds - began)
        return states

    def _tell(self, epoch: int, rate: float) -> None:
        seconds = self._watch.seconds
        self._memory.measure(seconds)
        self.emit(
            Step(
                step=self.step,
                seconds=seconds,
                epoch=epoch,
                progress=self._progress,
                bits_per_character=self._loss.value,
                characters_per_second=self._rate.value,
                learning_rate=rate,
                memory_bytes=self._memory.process,
                device_memory_bytes=self._memory.device,
            )
        )

    def _validate(self, epoch: int) -> None:
        """Read the validation part and tell the figure; time stands still meanwhile."""
        self._watch.pause()
        figure = evaluate(self.network, self.validation, self.parts)
        if not math.isfinite(figure):
            raise _not_finite("the validation figure", figure, self.step)
        best = figure < self.best
        self.best = min(figure, self.best)
        self._pace.reported(self.step, self._watch.seconds)
        self.emit(
            Validation(
                step=self.step,
                seconds=self._watch.seconds,
                epoch=epoch,
                progress=self._progress,
                bits_per_character=figure,
                training_bits_per_character=self._loss.value,
                best=best,
                overfitting=self._overfitting.notice(figure, self._loss.value),
            )
        )
        self._watch.start()


def _not_finite(what: str, value: float, step: int) -> TrainingError:
    return TrainingError(
        f"{what} became {value} at step {step}; a finite number is needed: "
        "try a smaller --lr, or --precision fp32."
    )
