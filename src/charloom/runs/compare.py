"""Compare networks that have the same texts, budget, seed and split.

Each run has a model folder in one common folder. A run that was interrupted is resumed, and a
finished one is not repeated.
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

from charloom.data.source_file import Sources, source_names
from charloom.data.sources import read_blocks, resolve_sources
from charloom.errors import OutputError, SettingsError
from charloom.evaluation.run_result import RunResult
from charloom.events import Event, Listener, Stopped
from charloom.files import exists, is_dir, replace_files
from charloom.formatting import unusable_folder_message
from charloom.generation.checker import Checker
from charloom.model import Model
from charloom.model_folder.metrics import read_curves
from charloom.runs.acceptance import Acceptance
from charloom.runs.build import read_corpus
from charloom.runs.plan import Plan
from charloom.runs.request import TrainRequest
from charloom.runs.resolve import resolve_settings
from charloom.runs.train import train_model
from charloom.settings import SamplingSettings, TextSettings, TrainingSettings
from charloom.text.documents import keep_labels

AXES: Final = ("cell", "layers", "hidden")
"""The settings that may differ between runs."""
TABLE_FILE: Final = "comparison.json"
_SPEED_TEXTS, _SPEED_SYMBOLS = 64, 200
"""Number and length of the texts that measure the speed of generation."""
_CHECKED_TEXTS: Final = 1000

Grid = Mapping[str, Sequence[Any]]
"""Values of each axis."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One run of a comparison or a search, before it starts."""

    name: str
    """Name of the model folder."""
    number: int
    """From 1."""
    count: int
    """Number of trials of the whole comparison."""
    options: dict[str, Any]
    """Settings that are specific to this trial."""


class RunInterrupted(Exception):
    """A run was interrupted after everything was saved; later runs have not started."""


def grid_trials(grid: Grid) -> list[Trial]:
    """Return one trial for each combination of values.

    Raises SettingsError for an unknown or empty axis.
    """
    unknown = [name for name in grid if name not in AXES]
    if unknown or not all(grid.values()):
        raise SettingsError(
            f"{unknown[0] if unknown else 'an empty list'} cannot be compared; give one or more of "
            f"{', '.join(AXES)}, each with its values."
        )
    names = [name for name in AXES if name in grid]
    values = [list(dict.fromkeys(grid[name])) for name in names]
    combinations = [dict(zip(names, row, strict=True)) for row in itertools.product(*values)]
    return [
        Trial(name=trial_name(options), number=number, count=len(combinations), options=options)
        for number, options in enumerate(combinations, 1)
    ]


def trial_name(options: Mapping[str, Any]) -> str:
    """Return the name of the model folder of a trial.

    >>> trial_name({"cell": "gru", "layers": 2, "hidden": 64}), trial_name({"hidden": 64})
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
    """Trains the trials of a grid, or other trials with the same texts and options."""

    def __init__(
        self,
        sources: Sources,
        grid: Grid,
        *,
        output: str | Path,
        validation: str | Path | None = None,
        test: str | Path | None = None,
        checker: Checker | None = None,
        **options: Any,
    ) -> None:
        """Check the settings of all trials; nothing is read or written yet.

        ``grid`` has values of ``cell``, ``layers`` and ``hidden``. ``options`` are those of
        ``train``, the same for all runs. ``output`` is the folder of the model folders and of
        ``comparison.json``. ``test`` are texts to evaluate once after training. ``checker`` judges
        texts of each model.

        Raises SettingsError.
        """
        self._sources = source_names(sources)
        self._validation = None if validation is None else str(validation)
        self._test = None if test is None else str(test)
        if "-" in (*self._sources, self._validation, self._test):
            raise SettingsError(
                "standard input can be read only once, but each run reads the texts; save them to "
                "a file, and name that."
            )
        self.trials = grid_trials(grid)
        self.results: list[RunResult] = []
        """Results of the finished runs."""
        self._checker = checker
        self._folder = Path(output)
        self._options = options
        for trial in self.trials:
            self._settings_of(trial)

    def run(
        self,
        trial: Trial,
        *,
        listeners: Sequence[Listener] = (),
        on_start: Callable[[Plan], None] | None = None,
        on_read: Callable[[int, int], None] | None = None,
    ) -> RunResult:
        """Train one trial, or resume it, and add its result to the table.

        The other arguments are those of ``train``.

        Raises RunInterrupted if the run was interrupted, ResumeError if its folder has a finished
        run of other texts, and the errors of ``train``.
        """
        if self._test is not None:
            # An unreadable test file is reported before training, not after it.
            text, _ = self._settings_of(trial)
            next(iter(read_blocks(resolve_sources([self._test], text), text)), None)
        path = self._folder / trial.name
        reasons: list[str] = []

        def note_stop(event: Event) -> None:
            if isinstance(event, Stopped):
                reasons.append(event.reason)

        request = TrainRequest(
            sources=self._sources,
            options=self._options | trial.options,
            output=path,
            validation=self._validation,
            resume=_was_started(path),
            checker=self._checker,
            listeners=(note_stop, *listeners),
            on_start=on_start,
            on_read=on_read,
        )
        model = train_model(request)
        if "interrupted" in reasons:
            raise RunInterrupted
        result = _build_result(trial, path, model, self._test)
        if self._checker is not None:
            accepted = _accepted_share(self._checker, model)
            result = dataclasses.replace(result, accepted=accepted)
        self.set_results([*(r for r in self.results if r.name != result.name), result])
        return result

    def fingerprint(self, on_read: Callable[[int, int], None] | None = None) -> str:
        """Return the fingerprint of the texts; reads them, unless they are in the cache."""
        text, training = self._settings_of(self.trials[0])
        corpus = read_corpus(self._sources, text, self._validation, training.seed, on_read)
        return corpus.fingerprint

    def with_test_metric(self, result: RunResult) -> RunResult:
        """Return ``result`` with the metric of the test texts.

        It is unchanged without test texts, or if the model is on another machine.
        """
        path = self._folder / result.name
        if self._test is None or result.test is not None or not is_dir(path):
            return result
        return dataclasses.replace(
            result, test=_test_bits_per_character(Model.load(path), self._test)
        )

    def set_results(self, results: Sequence[RunResult]) -> None:
        """Replace all results, and write the table; raises OutputError if that fails."""
        self.results = list(results)
        _write_table(self._folder, self.results)

    def _settings_of(self, trial: Trial) -> tuple[TextSettings, TrainingSettings]:
        options = self._options | trial.options
        text, _, training = resolve_settings(self._sources, None, options)
        return text, training


def _build_result(trial: Trial, path: Path, model: Model, test: str | None) -> RunResult:
    metrics, network = model.record.metrics, model.record.network
    training = metrics.get("training_bits_per_character")
    bits = float(metrics["bits_per_character"])
    return RunResult(
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
        seconds=float(metrics["seconds"]),
    )


def _test_bits_per_character(model: Model, test: str) -> float:
    from charloom.evaluation.evaluate import evaluate

    settings = model.record.text
    blocks = keep_labels(
        read_blocks(resolve_sources([test], settings), settings), model.record.labels
    )
    return evaluate(model.scorer.score_blocks(blocks)).bits_per_character


def _accepted_share(checker: Checker, model: Model) -> float:
    record = model.record
    training = dataclasses.replace(record.training, checked_texts=_CHECKED_TEXTS)
    acceptance = Acceptance(
        checker=checker,
        record=dataclasses.replace(record, training=training),
        weights=lambda: record.tensors,
    )
    return acceptance.share()


def _was_started(path: Path) -> bool:
    try:
        return exists(path)
    except OSError as error:
        raise OutputError(unusable_folder_message(path, error)) from error


def _generation_speed(model: Model) -> float:
    """Return characters per second, many texts in parallel."""
    # The generator uses compiled code once this module is imported, even for few texts.
    importlib.import_module("charloom.generation.compiled_decode")
    settings = SamplingSettings(temperature=1.0, length=_SPEED_SYMBOLS)
    speeds = []
    for _ in range(2):  # the first time includes loading or compiling the code
        start = time.perf_counter()
        texts = model.generator.generate("", settings, _SPEED_TEXTS)
        characters = sum(len(generated.text) for generated in texts)
        speeds.append(characters / (time.perf_counter() - start))
    return max(speeds)


def _write_table(folder: Path, results: Sequence[RunResult]) -> None:
    """Replace comparison.json atomically."""
    content = json.dumps([result.to_json() for result in results], indent=1) + "\n"
    try:
        replace_files(folder, {TABLE_FILE: content.encode()}, suffix=f".{os.getpid()}")
    except OSError as error:
        raise OutputError(
            f"{folder / TABLE_FILE} cannot be written: {error.strerror}; the models are kept: free "
            "some space or choose another folder, and give the same command again."
        ) from error
