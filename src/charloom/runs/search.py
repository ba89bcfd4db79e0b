"""A search for the best network, by trials that Optuna suggests.

Each suggestion depends on the results of earlier trials. The study is in a database. A trial is
recorded when it starts and when it ends, so several processes or machines can share a study without
waiting for each other.
"""

import contextlib
import dataclasses
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from charloom.errors import DivergedError, OutputError
from charloom.evaluation.run_result import RunResult
from charloom.model_folder.atomic import process_exists
from charloom.runs.auto import HIDDEN_SIZES, LEARNING_RATES, MAX_DROPOUT
from charloom.runs.compare import Grid, Trial, trial_name
from charloom.runs.study import Study

if TYPE_CHECKING:
    import optuna

SEARCH_HIDDEN_SIZES: Final = tuple(size for size in HIDDEN_SIZES if size >= 64)
"""Default numbers of hidden units in a search."""
LEARNING_RATE_FACTORS: Final = (1 / 4, 2.5)
"""Bounds of the learning rate in a search, as multiples of its default."""
DROPOUT_STEP: Final = 0.05

TrainTrial = Callable[[Trial], RunResult]
"""Trains one trial, as ``Comparison.run`` does."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """The values from which trials are suggested."""

    grid: Grid
    learning_rate: tuple[float, float] | None
    """Lowest and highest value; None if the learning rate is an explicit option."""
    dropout: bool
    """Whether dropout is suggested; False if it is an explicit option."""

    @classmethod
    def from_options(cls, grid: Grid, options: Mapping[str, Any]) -> Self:
        """Return the space of a grid and of the settings that ``options`` leave out."""
        rate = LEARNING_RATES[options.get("optimizer", "muon")]
        low, high = (factor * rate for factor in LEARNING_RATE_FACTORS)
        return cls(
            grid={"hidden": SEARCH_HIDDEN_SIZES}
            | {name: list(values) for name, values in grid.items()},
            learning_rate=None if "learning_rate" in options else (low, high),
            dropout="dropout" not in options,
        )

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        """Return the options that Optuna suggests for a trial."""
        options: dict[str, Any] = {
            name: trial.suggest_categorical(name, list(values))
            for name, values in self.grid.items()
        }
        if self.learning_rate is not None:
            low, high = self.learning_rate
            options["learning_rate"] = trial.suggest_float("learning_rate", low, high, log=True)
        if self.dropout:
            options["dropout"] = round(
                trial.suggest_float("dropout", 0.0, MAX_DROPOUT, step=DROPOUT_STEP), 2
            )
        return options


class Search:
    """Runs ``count`` trials of a study, some of which may be finished already.

    A context manager that closes the connections to the study's database.
    """

    def __init__(
        self,
        folder: Path,
        space: SearchSpace,
        fixed: Mapping[str, Any],
        *,
        count: int,
        storage: str | None = None,
        seed: int = 0,
    ) -> None:
        """Open the study, which has the name of the folder.

        ``fixed`` is the same for all trials: options, and the fingerprint of the texts.

        Raises MissingPackageError if Optuna is not installed, SettingsError if the database cannot
        be used, or if the study was started with another space or other fixed values.
        """
        self._space, self._count, self._seed = space, count, seed
        self._folder = folder.resolve()
        self._study = Study(self._folder, storage)
        try:
            self._study.check_settings({"space": dataclasses.asdict(space)} | dict(fixed))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections to the database."""
        self._study.close()

    def run(
        self, train: TrainTrial, on_failure: Callable[[str], None] = lambda message: None
    ) -> None:
        """Run the remaining trials: first those interrupted in this folder, then new ones.

        A trial that diverges counts as failed: ``on_failure`` gets a message, and the next trial
        starts. Other exceptions of ``train`` are raised, and the trial can be resumed later. Raises
        OutputError if the database fails.
        """
        while (trial := self._next_trial()) is not None:
            try:
                result = train(trial)
            except DivergedError as error:
                on_failure(f"{trial.name} failed: {error}")
                self._study.fail(trial.number)
                continue
            except BaseException:
                with contextlib.suppress(OutputError):
                    self._study.set_attributes(trial.number, process=None)
                raise
            # Others may read the result as soon as the trial is complete, so it is stored first.
            self._study.set_attributes(trial.number, result=result.to_json())
            self._study.complete(trial.number, result.validation)

    def results(self) -> list[RunResult]:
        """Return the results of all trials of the study, from all machines."""
        numbers = self._study.completed()
        return [RunResult(**self._study.attributes(number)["result"]) for number in numbers]

    def running_count(self) -> int:
        """Return the number of trials without an end, here and on other machines."""
        return len(self._study.running())

    def _next_trial(self) -> Trial | None:
        """Return the next trial; None if all trials of the study are finished or running."""
        number = next(filter(self._is_abandoned, self._study.running()), None)
        if number is None:
            if self._study.count >= self._count:
                return None
            number, options = self._study.start_trial(self._space.suggest, self._seed)
            self._study.set_attributes(number, options=options, place=self._owner)
        self._study.set_attributes(number, process=os.getpid())
        options = self._study.attributes(number)["options"]
        return Trial(
            name=f"{number:03}-{trial_name(options)}",
            number=number,
            count=self._count,
            options=options,
        )

    def _is_abandoned(self, number: int) -> bool:
        """Return whether a trial was started in this folder by a process that has ended."""
        attributes = self._study.attributes(number)
        process = attributes.get("process")
        return attributes.get("place") == self._owner and (
            process is None or process == os.getpid() or not process_exists(process)
        )

    @property
    def _owner(self) -> str:
        return f"{platform.node()}:{self._folder}"
