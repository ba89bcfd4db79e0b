"""Listeners that keep what a run brings forth: the best weights, the events, samples on the way."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from charloom.data.corpus import Corpus
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

# Symbols of a sample that is shown while learning.
SAMPLE_SYMBOLS = 200

Emit = Callable[[Event], None]
Weights = Callable[[], Tensors]


class BestWeights:
    """Keeps the best weights by validation in ``record``, and in the model folder if any."""

    def __init__(
        self,
        record: ModelRecord,
        corpus: Corpus,
        weights: Weights,
        emit: Emit,
        writer: ModelWriter | None,
    ) -> None:
        self.record = record
        self._validation_size = {
            "validation_documents": len(corpus.validation),
            "validation_characters": corpus.validation.total_characters,
        }
        self._weights = weights
        self._validation_set = corpus.validation
        self._emit = emit
        self._writer = writer

    def __call__(self, event: Event) -> None:
        """Keep the weights if they are the best so far, or all that there will be."""
        if isinstance(event, Validation) and event.best:
            figures = {
                "bits_per_character": event.bits_per_character,
                "training_bits_per_character": event.training_bits_per_character,
                "step": event.step,
                "epoch": event.epoch,
                "seconds": event.seconds,
            }
            self._save(figures | self._validation_size)
            if self._writer is not None:
                self._emit(
                    Saved(
                        step=event.step,
                        seconds=event.seconds,
                        bits_per_character=event.bits_per_character,
                    )
                )
        elif isinstance(event, Stopped) and event.bits_per_character is None:
            self._save({"step": event.step, "seconds": event.seconds})
        elif isinstance(event, Stopped):
            self._calibrate()

    def write_unmeasured(self, step: int, seconds: float) -> None:
        """Put the folder in its place with the weights that there are, before any was measured."""
        if self._writer is not None and not self._writer.is_in_place:
            figures = {"step": step, "seconds": seconds}
            self._writer.save(
                dataclasses.replace(self.record, tensors=self._weights(), metrics=figures)
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the weights that are kept, and their figures."""
        return {"tensors": dict(self.record.tensors), "figures": dict(self.record.metrics)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Keep the weights that ``state`` returned, in the model folder too.

        It may hold later ones, of a run that was killed after its checkpoint.
        """
        tensors, figures = state["tensors"], state["figures"]
        self.record = dataclasses.replace(self.record, tensors=tensors, metrics=figures)
        if tensors and self._writer is not None:
            self._writer.save(self.record)

    def _calibrate(self) -> None:
        """Keep with the weights what usual texts take; they are in the folder already."""
        record = self.record
        reader = SymbolScorer(record.network, record.tensors)
        found = calibrate_on_dataset(reader, record.vocabulary, self._validation_set)
        if found is not None:
            self.record = dataclasses.replace(record, calibration=found.to_json())
            if self._writer is not None:
                self._writer.save(self.record)

    def _save(self, figures: dict[str, float]) -> None:
        self.record = dataclasses.replace(self.record, tensors=self._weights(), metrics=figures)
        if self._writer is not None:
            self._writer.save(self.record)


class EventLog:
    """Appends events to metrics.jsonl, and samples to samples.jsonl, one JSON object a line."""

    def __init__(self, writer: ModelWriter) -> None:
        self._writer = writer
        self._step_throttle = Throttle(STEP_SECONDS)

    def __call__(self, event: Event) -> None:
        """Append ``event``; of steps, one in half a second."""
        if isinstance(event, Step) and not self._step_throttle.admit(event.seconds):
            return
        line = json.dumps(event.to_json(), ensure_ascii=False)
        self._writer.append(METRICS, line)
        if isinstance(event, Sample):
            self._writer.append(SAMPLES, line)

    def state_dict(self) -> dict[str, Any]:
        """Return how much was written."""
        sizes = {name: self._writer.file_size(name) for name in (METRICS, SAMPLES)}
        return {"last_step": self._step_throttle.last, "sizes": sizes}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Write on after what ``state`` tells of; what was written later did not come to be."""
        self._step_throttle.last = state["last_step"]
        for name, size in state["sizes"].items():
            self._writer.truncate(name, size)


class SampleWriter:
    """Writes samples with the current weights after each validation.

    Each prompt is continued at each temperature; a model with labels takes them in turn, one label
    a report. The seed is that of the run, so that samples of one run differ by what was learned
    alone.
    """

    def __init__(self, record: ModelRecord, weights: Weights, emit: Emit) -> None:
        self._record = record
        self._weights = weights
        self._emit = emit
        self._validations = 0

    def __call__(self, event: Event) -> None:
        """Write samples if ``event`` is a validation."""
        if not isinstance(event, Validation):
            return
        record = self._record
        engine = Engine(record.network, self._weights())
        generator = Generator(engine, record.vocabulary, record.labels)
        label = record.labels[self._validations % len(record.labels)] if record.labels else None
        self._validations += 1
        for prompt in record.training.prompts:
            for temperature in record.training.temperatures:
                settings = SamplingSettings(
                    temperature=temperature,
                    length=SAMPLE_SYMBOLS,
                    seed=record.training.seed,
                    label=label,
                )
                text = generator.generate(prompt, settings)[0].text
                self._emit(
                    Sample(
                        step=event.step,
                        seconds=event.seconds,
                        prompt=prompt,
                        temperature=temperature,
                        label=label,
                        text=text,
                    )
                )

    def state_dict(self) -> dict[str, Any]:
        """Return whose turn it is."""
        return {"reports": self._validations}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state`` returned."""
        self._validations = state["reports"]


class ListenerGuard:
    """Calls listeners; after an error of one, that one hears no more and ``stop`` is called.

    An interruption is no error of a listener: it passes.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._errors: list[Exception] = []

    def wrap(self, listener: Listener) -> Listener:
        """Return a listener that passes events on until ``listener`` raises."""
        heard = True

        def listen(event: Event) -> None:
            nonlocal heard
            if not heard:
                return
            try:
                listener(event)
            except Exception as error:
                heard = False
                self._errors.append(error)
                self._stop()

        return listen

    def raise_first(self) -> None:
        """Raise the first error of a listener, as it was; nothing happens without one."""
        if self._errors:
            raise self._errors[0]
