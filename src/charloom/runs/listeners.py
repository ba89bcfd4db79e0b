"""Listeners of a run: they save the best weights, log events, and write samples.

Listeners return the events that they emit. The trainer passes these to all listeners after the
current event.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from charloom.data.dataset import Dataset
from charloom.evaluation.calibration import calibrate_on_dataset
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.events import (
    STEP_SECONDS,
    Event,
    Listener,
    Sample,
    Saved,
    Step,
    Stopped,
    Throttle,
    Validation,
)
from charloom.generation.generator import Generator
from charloom.model_folder.format import METRICS, SAMPLES, ModelRecord, Tensors
from charloom.model_folder.writer import ModelWriter
from charloom.network.engine import Engine
from charloom.settings import SamplingSettings

SAMPLE_SYMBOLS: Final = 200
"""Length limit of samples during training."""

Weights = Callable[[], Tensors]
"""Returns the current weights of the network."""


class BestWeights:
    """Keeps the weights with the lowest validation loss.

    They are in ``record`` and, if there is a ``writer``, in the model folder.
    """

    def __init__(
        self,
        record: ModelRecord,
        validation_set: Dataset,
        weights: Weights,
        writer: ModelWriter | None,
    ) -> None:
        self.record = record
        self._validation_set = validation_set
        self._weights = weights
        self._writer = writer

    def __call__(self, event: Event) -> Sequence[Event]:
        """Keep the current weights if they are the best, or if the run ends without any.

        Returns a Saved event if the best weights were written to the model folder.
        """
        if isinstance(event, Validation) and event.best:
            self._keep(self._metrics(event))
            if self._writer is not None:
                bits = event.bits_per_character
                return [Saved(step=event.step, seconds=event.seconds, bits_per_character=bits)]
        elif isinstance(event, Stopped) and event.bits_per_character is None:
            self._keep({"step": event.step, "seconds": event.seconds})
        elif isinstance(event, Stopped):
            self._calibrate()
        return ()

    def write_unmeasured(self, step: int, seconds: float) -> None:
        """Create the model folder with the current weights, unless it exists already.

        The weights have no validation loss, so the first validated ones replace them.
        """
        if self._writer is not None and not self._writer.is_in_place:
            metrics = {"step": step, "seconds": seconds}
            self._writer.save(
                dataclasses.replace(self.record, tensors=self._weights(), metrics=metrics)
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the best weights and their metrics."""
        # The keys are those of checkpoints.
        return {"tensors": dict(self.record.tensors), "figures": dict(self.record.metrics)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the best weights, and write them to the model folder.

        The folder may hold later ones, of a run that was killed after its last checkpoint.
        """
        tensors, metrics = state["tensors"], state["figures"]
        self.record = dataclasses.replace(self.record, tensors=tensors, metrics=metrics)
        if tensors and self._writer is not None:
            self._writer.save(self.record)

    def _metrics(self, event: Validation) -> dict[str, float]:
        training = event.training_bits_per_character
        return {
            "bits_per_character": event.bits_per_character,
            **({} if training is None else {"training_bits_per_character": training}),
            **({} if event.accepted is None else {"accepted": event.accepted}),
            "step": event.step,
            "epoch": event.epoch,
            "seconds": event.seconds,
            "validation_documents": len(self._validation_set),
            "validation_characters": self._validation_set.total_characters,
        }

    def _calibrate(self) -> None:
        """Add the calibration of scores to the record; the weights are saved already."""
        record = self.record
        scorer = SymbolScorer(record.network, record.tensors)
        calibration = calibrate_on_dataset(scorer, record.vocabulary, self._validation_set)
        if calibration is not None:
            self.record = dataclasses.replace(record, calibration=calibration.to_json())
            if self._writer is not None:
                self._writer.save(self.record)

    def _keep(self, metrics: dict[str, float]) -> None:
        self.record = dataclasses.replace(self.record, tensors=self._weights(), metrics=metrics)
        if self._writer is not None:
            self._writer.save(self.record)


class EventLog:
    """Appends events to metrics.jsonl, and samples to samples.jsonl."""

    def __init__(self, writer: ModelWriter) -> None:
        self._writer = writer
        self._step_throttle = Throttle(STEP_SECONDS)

    def __call__(self, event: Event) -> None:
        """Append ``event`` as one JSON object in a line; steps only once in STEP_SECONDS."""
        if isinstance(event, Step) and not self._step_throttle.admit(event.seconds):
            return
        line = json.dumps(event.to_json(), ensure_ascii=False)
        self._writer.append(METRICS, line)
        if isinstance(event, Sample):
            self._writer.append(SAMPLES, line)

    def state_dict(self) -> dict[str, Any]:
        """Return the lengths of both logs in bytes, and the time of the last logged step."""
        sizes = {name: self._writer.file_size(name) for name in (METRICS, SAMPLES)}
        return {"last_step": self._step_throttle.last, "sizes": sizes}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Truncate both logs to their lengths in the checkpoint.

        The resumed run appends from there.
        """
        self._step_throttle.last = state["last_step"]
        for name, size in state["sizes"].items():
            self._writer.truncate(name, size)


class SampleWriter:
    """Generates samples with the current weights after each validation.

    Each prompt is continued at each temperature. A labelled model uses one label a validation, in
    turn. The seed is always that of the run, so only the weights make samples differ.
    """

    def __init__(self, record: ModelRecord, weights: Weights) -> None:
        self._record = record
        self._weights = weights
        self._validations = 0

    def __call__(self, event: Event) -> Sequence[Event]:
        """Return samples if ``event`` is a validation."""
        if not isinstance(event, Validation):
            return ()
        record = self._record
        engine = Engine(record.network, self._weights())
        generator = Generator(
            engine, record.vocabulary, record.labels, endless=record.is_one_stream
        )
        label = record.labels[self._validations % len(record.labels)] if record.labels else None
        self._validations += 1
        return [
            self._sample(generator, event, prompt, temperature, label)
            for prompt in record.training.prompts
            for temperature in record.training.temperatures
        ]

    def _sample(
        self,
        generator: Generator,
        event: Validation,
        prompt: str,
        temperature: float,
        label: str | None,
    ) -> Sample:
        settings = SamplingSettings(
            temperature=temperature,
            length=SAMPLE_SYMBOLS,
            seed=self._record.training.seed,
            label=label,
        )
        return Sample(
            step=event.step,
            seconds=event.seconds,
            prompt=prompt,
            temperature=temperature,
            label=label,
            text=generator.generate(prompt, settings)[0].text,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the number of validations, which decides the next label."""
        # The key is that of checkpoints.
        return {"reports": self._validations}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the result of ``state_dict``."""
        self._validations = state["reports"]


class ListenerGuard:
    """Catches errors of a user's listeners, and stops the run as Ctrl-C does.

    Only subclasses of Exception are caught, so not KeyboardInterrupt.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._errors: list[Exception] = []

    def wrap(self, listener: Listener) -> Listener:
        """Return a listener that passes events on until ``listener`` raises."""
        active = True

        def listen(event: Event) -> None:
            nonlocal active
            if not active:
                return
            try:
                listener(event)
            except Exception as error:
                active = False
                self._errors.append(error)
                self._stop()

        return listen

    def raise_first(self) -> None:
        """Raise the first error of a listener unchanged, if there was one."""
        if self._errors:
            raise self._errors[0]
