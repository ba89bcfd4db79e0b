"""A search: Optuna chooses the next network of a comparison from how the ones before came out.

The study lies in a database. Each run begins when Optuna proposes it and is told of when it is
done, so that several machines, or several processes, may share a study: none waits for another.
"""

import dataclasses
import json
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from charloom.advice import RATES, SIZES
from charloom.comparison import Grid, Result, Trial, name_of
from charloom.errors import OutputError, SettingsError, TrainingError
from charloom.placing import runs

if TYPE_CHECKING:
    import optuna

STUDY: Final = "study.sqlite3"
"""The database in the folder of the models, unless another one is named."""
HIDDEN: Final = tuple(size for size in SIZES if size >= 64)
"""Hidden units to choose from, unless they are given."""
RATES_BELOW: Final = 4.0
RATES_ABOVE: Final = 2.5
"""How far from its usual value the learning rate is looked for, as factors."""
MOST_DROPOUT: Final = 0.7
DROPOUT_STEP: Final = 0.05
_SETTINGS: Final = "charloom"
"""Where the study says what it is about; each of its runs has a place beside it."""


Run = Callable[[Trial], Result]
"""Trains what was chosen, as ``Comparison.run`` does."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Space:
    """What is looked for where."""

    grid: Grid
    learning_rate: tuple[float, float] | None
    """None: it was given, as ``dropout``."""
    dropout: bool

    @classmethod
    def of(cls, grid: Grid, options: Mapping[str, Any]) -> "Space":
        """Return the space of a grid, with what ``options`` leave open."""
        usual = RATES[options.get("optimizer", "muon")]
        return cls(
            grid={"hidden": HIDDEN} | {name: list(values) for name, values in grid.items()},
            learning_rate=None
            if "learning_rate" in options
            else (usual / RATES_BELOW, usual * RATES_ABOVE),
            dropout="dropout" not in options,
        )

    def choose(self, trial: "optuna.Trial") -> dict[str, Any]:
        """Return the options that Optuna chooses."""
        options: dict[str, Any] = {
            name: trial.suggest_categorical(name, list(values))
            for name, values in self.grid.items()
        }
        if self.learning_rate is not None:
            low, high = self.learning_rate
            options["learning_rate"] = trial.suggest_float("learning_rate", low, high, log=True)
        if self.dropout:
            options["dropout"] = round(
                trial.suggest_float("dropout", 0.0, MOST_DROPOUT, step=DROPOUT_STEP), 2
            )
        return options


class Search:
    """Goes through ``count`` runs of a study, some of which may be done already."""

    def __init__(
        self,
        folder: Path,
        space: Space,
        fixed: Mapping[str, Any],
        *,
        count: int,
        storage: str | None = None,
        seed: int = 0,
    ) -> None:
        """Open the study, which is called as the folder is.

        ``fixed`` are the options that all runs have. Raises SettingsError if Optuna is not there,
        the database cannot be used, or the study was begun with another space or other options.
        """
        self._space, self._count = space, count
        self._folder = folder
        self._study = _study(folder, storage, seed)
        self._check({"space": dataclasses.asdict(space), "options": dict(fixed)})

    def run(self, train: Run) -> None:
        """Do what is left: first what was begun here and not ended, then what is proposed.

        What ``train`` raises goes through, and the run may go on later; but a run whose loss is no
        number any more is a failed one, and the next begins.
        """
        from optuna.trial import TrialState

        while (trial := self._next()) is not None:
            number = trial.number - 1
            try:
                result = train(trial)
            except TrainingError:
                self._study.tell(number, state=TrialState.FAIL)
                continue
            # The figure last: who sees it may ask for the result.
            self._record(number, result=result.to_json())
            self._study.tell(number, result.validation)

    def results(self) -> list[Result]:
        """Return what became of all runs of the study, on whatever machine."""
        from optuna.trial import TrialState

        done = self._study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        return [Result(**self._recorded(trial.number)["result"]) for trial in done]

    def _next(self) -> Trial | None:
        """Return what is to be done next; None if all runs of the study are done or begun."""
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        begun = (trial.number for trial in trials if trial.state == TrialState.RUNNING)
        number = next(filter(self._is_left, begun), None)
        if number is None:
            if len(trials) >= self._count:
                return None
            asked = self._study.ask()
            number = asked.number
            self._record(number, options=self._space.choose(asked), place=self._place)
        self._record(number, process=os.getpid())
        options = self._recorded(number)["options"]
        return Trial(
            name=f"{number + 1:03}-{name_of(options)}",
            number=number + 1,
            count=self._count,
            options=options,
        )

    def _is_left(self, number: int) -> bool:
        """Return whether a run was begun in this folder by a process that is no more."""
        own = self._recorded(number)
        process = own.get("process", os.getpid())
        return own.get("place") == self._place and (process == os.getpid() or not runs(process))

    @property
    def _place(self) -> str:
        return f"{platform.node()}:{self._folder.resolve()}"

    def _recorded(self, number: int) -> dict[str, Any]:
        """Return what the study knows of a run besides its parameters and figure."""
        recorded: dict[str, Any] = self._study.user_attrs.get(_name(number), {})
        return recorded

    def _record(self, number: int, **facts: Any) -> None:
        self._study.set_user_attr(_name(number), self._recorded(number) | facts)

    def _check(self, settings: dict[str, Any]) -> None:
        """Keep what the study is about; raises SettingsError if it is about something else."""
        settings = json.loads(json.dumps(settings, default=str))
        known = self._study.user_attrs.get(_SETTINGS)
        if known is None:
            self._study.set_user_attr(_SETTINGS, settings)
            return
        if known != settings:
            before, now = (json.dumps(one, sort_keys=True) for one in _different(known, settings))
            raise SettingsError(
                f"the study {self._study.study_name!r} was begun with {before}, and now there is "
                f"{now}; give what it was begun with, or another folder with --output."
            )


def _different(known: Any, now: Any) -> tuple[Any, Any]:
    """Return the first part that differs, as small as it can be named."""
    if isinstance(known, dict) and isinstance(now, dict):
        for name in sorted(known.keys() | now.keys()):
            if known.get(name) != now.get(name):
                before, after = _different(known.get(name), now.get(name))
                return {name: before}, {name: after}
    return known, now


def _name(number: int) -> str:
    return f"run {number + 1}"


def _study(folder: Path, storage: str | None, seed: int) -> "optuna.Study":
    try:
        import optuna
    except ImportError:
        raise SettingsError(
            "search needs Optuna, which is not installed; install it: pip install "
            "'charloom[search]'."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made ({error.strerror}); name another folder with --output."
        ) from error
    url = f"sqlite:///{(folder / STUDY).resolve()}" if storage is None else storage
    try:
        study = optuna.create_study(storage=url, study_name=folder.name, load_if_exists=True)
    except Exception as error:  # whatever a driver of a database raises
        raise SettingsError(
            f"storage {url!r} cannot be used ({_first_line(error)}); give the URL of a database "
            "whose driver is installed, such as sqlite:////data/study.sqlite3 or "
            "postgresql+psycopg://user@host/name."
        ) from error
    # One that goes on must not propose again what it proposed when it began.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.get_trials(deepcopy=False)))
    return study


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
