"""A search: Optuna chooses the next network of a comparison from how the ones before came out.

The study lies in a database. Each run begins when Optuna proposes it and is told of when it is
done, so that several machines, or several processes, may share a study: none waits for another.
"""

import contextlib
import dataclasses
import importlib.util
import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from charloom.errors import DivergedError, OutputError, SettingsError
from charloom.model_folder.atomic import process_exists
from charloom.runs.auto import HIDDEN_SIZES, LEARNING_RATES
from charloom.runs.compare import Grid, Result, Trial, trial_name

if TYPE_CHECKING:
    import optuna

STUDY_FILE: Final = "study.sqlite3"
"""The database in the folder of the models, unless another one is named."""
SEARCH_HIDDEN_SIZES: Final = tuple(size for size in HIDDEN_SIZES if size >= 64)
"""Hidden units to choose from, unless they are given."""
RATE_DIVISOR: Final = 4.0
RATE_FACTOR: Final = 2.5
"""How far from its usual value the learning rate is looked for, as factors."""
MAX_SEARCH_DROPOUT: Final = 0.7
DROPOUT_STEP: Final = 0.05
OPEN_ATTEMPTS: Final = 4
RETRY_SECONDS: Final = 0.5
"""Seconds between two attempts to open a database."""
_SETTINGS_KEY: Final = "charloom"
"""Where the study says what it is about; each of its runs has a place beside it."""


TrainTrial = Callable[[Trial], Result]
"""Trains what was chosen, as ``Comparison.run`` does."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """What is looked for where."""

    grid: Grid
    learning_rate: tuple[float, float] | None
    """None: it was given, as ``dropout``."""
    dropout: bool

    @classmethod
    def from_options(cls, grid: Grid, options: Mapping[str, Any]) -> "SearchSpace":
        """Return the space of a grid, with what ``options`` leave open."""
        usual = LEARNING_RATES[options.get("optimizer", "muon")]
        return cls(
            grid={"hidden": SEARCH_HIDDEN_SIZES}
            | {name: list(values) for name, values in grid.items()},
            learning_rate=None
            if "learning_rate" in options
            else (usual / RATE_DIVISOR, usual * RATE_FACTOR),
            dropout="dropout" not in options,
        )

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
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
                trial.suggest_float("dropout", 0.0, MAX_SEARCH_DROPOUT, step=DROPOUT_STEP), 2
            )
        return options


class Search:
    """Goes through ``count`` runs of a study, some of which may be done already."""

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
        """Open the study, which is called as the folder is.

        ``fixed`` is what all runs share: options, and what tells their texts from others. Raises
        SettingsError if Optuna is not there, the database cannot be used, or the study was begun
        with another space or something else that is fixed.
        """
        self._space, self._count, self._seed = space, count, seed
        self._folder = folder.resolve()
        self._study = _open_study(self._folder, storage)
        with _database_errors():
            self._check_settings({"space": dataclasses.asdict(space)} | dict(fixed))

    def run(
        self, train: TrainTrial, on_failure: Callable[[str], None] = lambda message: None
    ) -> None:
        """Do what is left: first what was begun here and not ended, then what is proposed.

        What ``train`` raises goes through, and the run may go on later; but a run whose loss is no
        number any more is a failed one: ``told`` hears of it, and the next begins. Raises
        OutputError if the database can no longer be used.
        """
        from optuna.trial import TrialState

        while (trial := self._next_trial()) is not None:
            number = trial.number - 1
            try:
                result = train(trial)
            except DivergedError as error:
                on_failure(f"{trial.name} failed: {error}")
                with _database_errors():
                    self._study.tell(number, state=TrialState.FAIL)
                continue
            except BaseException:
                with contextlib.suppress(OutputError), _database_errors():
                    self._set_attributes(number, process=None)  # nobody's now
                raise
            with _database_errors():
                # The figure last: who sees it may ask for the result.
                self._set_attributes(number, result=result.to_json())
                self._study.tell(number, result.validation)

    def results(self) -> list[Result]:
        """Return what became of all runs of the study, on whatever machine."""
        from optuna.trial import TrialState

        with _database_errors():
            done = self._study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
            return [Result(**self._attributes(trial.number)["result"]) for trial in done]

    def running_count(self) -> int:
        """Return how many runs were begun, by others or in other folders, and have no end yet."""
        from optuna.trial import TrialState

        with _database_errors():
            return len(self._study.get_trials(deepcopy=False, states=[TrialState.RUNNING]))

    def _next_trial(self) -> Trial | None:
        """Return what is to be done next; None if all runs of the study are done or begun."""
        with _database_errors():
            return self._propose_trial()

    def _propose_trial(self) -> Trial | None:
        import optuna
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        begun = (trial.number for trial in trials if trial.state == TrialState.RUNNING)
        number = next(filter(self._is_abandoned, begun), None)
        if number is None:
            if len(trials) >= self._count:
                return None
            asked = self._study.ask()
            number = asked.number
            # Of its own for each run: whoever goes on, or begins at the same moment, must not
            # propose what was proposed already.
            self._study.sampler = optuna.samplers.TPESampler(seed=self._seed + number)
            self._set_attributes(number, options=self._space.suggest(asked), place=self._owner)
        self._set_attributes(number, process=os.getpid())
        options = self._attributes(number)["options"]
        return Trial(
            name=f"{number + 1:03}-{trial_name(options)}",
            number=number + 1,
            count=self._count,
            options=options,
        )

    def _is_abandoned(self, number: int) -> bool:
        """Return whether a run was begun in this folder by a process that is no more."""
        own = self._attributes(number)
        process = own.get("process")
        return own.get("place") == self._owner and (
            process is None or process == os.getpid() or not process_exists(process)
        )

    @property
    def _owner(self) -> str:
        return f"{platform.node()}:{self._folder}"

    def _attributes(self, number: int) -> dict[str, Any]:
        """Return what the study knows of a run besides its parameters and figure."""
        recorded: dict[str, Any] = self._study.user_attrs.get(_attribute_key(number), {})
        return recorded

    def _set_attributes(self, number: int, **values: Any) -> None:
        self._study.set_user_attr(_attribute_key(number), self._attributes(number) | values)

    def _check_settings(self, settings: dict[str, Any]) -> None:
        """Keep what the study is about; raises SettingsError if it is about something else."""
        settings = json.loads(json.dumps(settings, default=str))
        known = self._study.user_attrs.get(_SETTINGS_KEY)
        if known is None:
            self._study.set_user_attr(_SETTINGS_KEY, settings)
            return
        if known != settings:
            before, now = (
                json.dumps(one, sort_keys=True) for one in _first_difference(known, settings)
            )
            raise SettingsError(
                f"the study {self._study.study_name!r} was begun with {before}, and now there is "
                f"{now}; give what it was begun with, or another folder with --output."
            )


def _first_difference(known: Any, now: Any) -> tuple[Any, Any]:
    """Return the first part that differs, as small as it can be named."""
    if isinstance(known, dict) and isinstance(now, dict):
        for name in sorted(known.keys() | now.keys()):
            if known.get(name) != now.get(name):
                before, after = _first_difference(known.get(name), now.get(name))
                return {name: before}, {name: after}
    return known, now


def _attribute_key(number: int) -> str:
    return f"run {number + 1}"


def check_optuna() -> None:
    """Raise SettingsError if Optuna is not there."""
    if importlib.util.find_spec("optuna") is None:
        raise SettingsError(
            "search needs Optuna, which is not installed; install it: pip install "
            "'charloom[search]'."
        )


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    """Say in one line what is wrong with the database."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        raise OutputError(
            f"the study's database failed ({_first_line(error)}); what was trained is kept: give "
            "the same command again when it works."
        ) from error


def _open_study(folder: Path, storage: str | None) -> "optuna.Study":
    check_optuna()
    import optuna
    import sqlalchemy

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made ({error.strerror}); name another folder with --output."
        ) from error
    url = f"sqlite:///{folder / STUDY_FILE}" if storage is None else storage
    try:
        for _ in range(OPEN_ATTEMPTS):
            # Those who find an empty database at the same moment all make its tables, and all but
            # one of them fail.
            with contextlib.suppress(sqlalchemy.exc.DBAPIError, optuna.exceptions.OptunaError):
                return optuna.create_study(storage=url, study_name=folder.name, load_if_exists=True)
            time.sleep(RETRY_SECONDS)
        return optuna.create_study(storage=url, study_name=folder.name, load_if_exists=True)
    except Exception as error:  # whatever a driver of a database raises
        raise SettingsError(
            f"storage {_without_password(url)!r} cannot be used ({_first_line(error)}); give the URL of a "
            "database whose driver is installed, such as sqlite:////data/study.sqlite3 or "
            "postgresql+psycopg://user@host/name."
        ) from error


def _without_password(url: str) -> str:
    """Return the URL of a database without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
