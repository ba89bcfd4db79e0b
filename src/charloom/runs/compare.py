"""Several networks learn from the same text, one after another, and are set side by side.

Each has a folder of its own in one folder, and the same budget, seed and split. A run that was
stopped goes on where it ended, and one that is finished is not done again.
"""

import dataclasses
import importlib
import itertools
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.data.sources import read_blocks, resolve_sources
from charloom.errors import OutputError, ResumeError, SettingsError
from charloom.events import Event, Listener, Stopped
from charloom.files import exists, is_dir, replace_files
from charloom.model import Model
from charloom.model_folder.metrics import read_curves
from charloom.runs import train as recipe
from charloom.runs.build import read_corpus
from charloom.runs.resolve import resolve_settings
from charloom.settings import SamplingSettings
from charloom.text.documents import keep_labels

AXES: Final = ("cell", "layers", "hidden")
"""What may differ between the runs."""
TABLE_FILE: Final = "comparison.json"
_SPEED_TEXTS, _SPEED_SYMBOLS = 64, 200
"""What is written to measure how fast a model writes."""

Grid = Mapping[str, Sequence[Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one run."""

    name: str
    """The folder of the model."""
    cell: str
    layers: int
    hidden: int
    dropout: float
    learning_rate: float
    parameters: int
    validation: float
    """Bits per character of the validation part, as of ``test``."""
    test: float | None
    """The same of the test texts; None: there are none."""
    gap: float | None
    """By how much validation is above training: more is learned by heart."""
    training_rate: float | None
    """Characters learned from a second, at the end."""
    writing_rate: float
    """Characters written a second, 64 texts side by side."""
    seconds: float
    """Of training, until the weights that were kept."""

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """A run that is about to begin."""

    name: str
    number: int
    """From 1."""
    count: int
    options: dict[str, Any]


class RunInterrupted(Exception):
    """A run was interrupted, with all saved; the others were not begun."""


def grid_trials(grid: Grid) -> list[Trial]:
    """Return a run for each combination; raises SettingsError for an axis that there is not."""
    unknown = [name for name in grid if name not in AXES]
    if unknown or not all(grid.values()):
        raise SettingsError(
            f"{unknown[0] if unknown else 'an empty list'} cannot be compared; give one or more of "
            f"{', '.join(AXES)}, each with its values."
        )
    names = [name for name in AXES if name in grid]
    values = [list(dict.fromkeys(grid[name])) for name in names]
    chosen = [dict(zip(names, one, strict=True)) for one in itertools.product(*values)]
    return [
        Trial(name=trial_name(options), number=number, count=len(chosen), options=options)
        for number, options in enumerate(chosen, 1)
    ]


def trial_name(options: Mapping[str, Any]) -> str:
    """Return the folder of a run.

    >>> name_of({"cell": "gru", "layers": 2, "hidden": 64}), name_of({"hidden": 64})
    ('gru-2-layers-64-units', '64-units')
    """
    parts = []
    if "cell" in options:
        parts.append(str(options["cell"]))
    if "layers" in options:
        parts.append(f"{options['layers']}-layer{'s' * (options['layers'] != 1)}")
    if "hidden" in options:
        parts.append(f"{options['hidden']}-units")
    return "-".join(parts)


class Comparison:
    """Trains a network for each combination of a grid."""

    def __init__(
        self,
        sources: recipe.Sources,
        grid: Grid,
        *,
        output: str | Path,
        validation: str | Path | None = None,
        test: str | Path | None = None,
        **options: Any,
    ) -> None:
        """Look at all settings; nothing is done yet.

        ``grid`` has values of ``cell``, ``layers`` and ``hidden``; ``options`` are as for
        ``train``, the same for every run. ``output`` is to be a folder with one for each run, and
        with ``comparison.json``. Raises SettingsError.
        """
        names = [sources] if isinstance(sources, str | Path) else list(sources)
        if "-" in map(str, (*names, validation, test)):
            raise SettingsError(
                "standard input can be read once, and each run reads the texts anew; save them as "
                "a file, and name that."
            )
        self.trials = grid_trials(grid)
        self.results: list[Result] = []
        """What became of the runs that are done."""
        self._folder = Path(output)
        self._sources = [str(name) for name in names]
        self._validation = None if validation is None else str(validation)
        self._test = None if test is None else str(test)
        self._options = options
        for trial in self.trials:
            resolve_settings(self._sources, None, options | trial.options)

    def run(self, trial: Trial, *, listeners: Sequence[Listener] = (), **watching: Any) -> Result:
        """Train one, or go on where it ended, and put its result into the table.

        ``watching`` may be ``on_start`` and ``on_read`` of ``train``. Raises Interrupted if the run
        was, ResumeError if one of other texts stands in its place, and what ``train`` and reading
        the test texts raise.
        """
        if self._test is not None:
            text, _, _ = resolve_settings(self._sources, None, self._options | trial.options)
            next(
                iter(read_blocks(resolve_sources([self._test], text), text)), None
            )  # before it is needed
        path = self._folder / trial.name
        reasons: list[str] = []

        def note(event: Event) -> None:
            if isinstance(event, Stopped):
                reasons.append(event.reason)

        model = recipe.train(
            self._sources,
            output=path,
            validation=self._validation,
            resume=_was_started(path),
            listeners=[note, *listeners],
            **watching,
            **self._options,
            **trial.options,
        )
        if "interrupted" in reasons:
            raise RunInterrupted
        if not reasons:
            self._check_same_corpus(path, model)
        result = _build_result(trial, path, model, self._test)
        self.set_results([*(one for one in self.results if one.name != result.name), result])
        return result

    def fingerprint(self, on_read: Callable[[int, int], None] | None = None) -> str:
        """Return what tells these texts from others; reads them, unless they were read before."""
        text, _, training = resolve_settings(
            self._sources, None, self._options | self.trials[0].options
        )
        return read_corpus(
            self._sources, text, self._validation, training.seed, on_read
        ).fingerprint

    def with_test_metric(self, result: Result) -> Result:
        """Return a result with its test figure, if there are test texts and the model is here."""
        path = self._folder / result.name
        if self._test is None or result.test is not None or not is_dir(path):
            return result
        return dataclasses.replace(
            result, test=_test_bits_per_character(Model.load(path), self._test)
        )

    def set_results(self, results: Sequence[Result]) -> None:
        """Have these results, and write them as the table; raises OutputError if it cannot be."""
        self.results = list(results)
        _write_table(self._folder, self.results)

    def _check_same_corpus(self, path: Path, model: Model) -> None:
        """Raise ResumeError if a finished run learned from other texts than are given now."""
        known = model.record.provenance.get("corpus_fingerprint")
        text, training = model.record.text, model.record.training
        now = read_corpus(self._sources, text, self._validation, training.seed)
        if known != now.fingerprint:
            raise ResumeError(
                f"the run in {path} learned from other texts, or was measured on others, than are "
                "given now; give the same, or another folder with --output."
            )


def _build_result(trial: Trial, path: Path, model: Model, test: str | None) -> Result:
    figures, network = model.record.metrics, model.record.network
    training = figures.get("training_bits_per_character")
    bits = float(figures["bits_per_character"])
    return Result(
        name=trial.name,
        cell=network.cell,
        layers=network.layers,
        hidden=network.hidden,
        dropout=network.dropout,
        learning_rate=model.record.training.learning_rate,
        parameters=sum(tensor.size for tensor in model.record.tensors.values()),
        validation=bits,
        test=None if test is None else _test_bits_per_character(model, test),
        gap=None if training is None else bits - training,
        training_rate=read_curves(path).characters_per_second,
        writing_rate=_generation_speed(model),
        seconds=float(figures["seconds"]),
    )


def _test_bits_per_character(model: Model, test: str) -> float:
    from charloom.evaluation.evaluate import evaluate

    settings = model.record.text
    blocks = keep_labels(
        read_blocks(resolve_sources([test], settings), settings), model.record.labels
    )
    return evaluate(model.scorer.score_blocks(blocks)).bits_per_character


def _was_started(path: Path) -> bool:
    try:
        return exists(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be used ({error.strerror or error}); name another folder with --output."
        ) from error


def _generation_speed(model: Model) -> float:
    # Once it is loaded, whatever is written uses compiled code, as for many texts.
    importlib.import_module("charloom.generation.compiled_decode")
    settings = SamplingSettings(temperature=1.0, length=_SPEED_SYMBOLS)
    rates = []
    for _ in range(2):  # the first prepares
        began = time.perf_counter()
        drawn = model.generator.generate("", settings, _SPEED_TEXTS)
        characters = sum(len(one.text) for one in drawn)
        rates.append(characters / (time.perf_counter() - began))
    return max(rates)


def _write_table(folder: Path, results: Sequence[Result]) -> None:
    """Write the table; the file is whole at every moment."""
    content = json.dumps([one.to_json() for one in results], indent=1) + "\n"
    try:
        replace_files(folder, {TABLE_FILE: content.encode()}, suffix=f".{os.getpid()}")
    except OSError as error:
        raise OutputError(
            f"{folder / TABLE_FILE} cannot be written: {error.strerror}; the models are kept: make room "
            "or choose another folder, and give the same command again."
        ) from error
