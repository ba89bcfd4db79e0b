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
from charloom.model_folder.atomic import runs
from charloom.runs.auto import RATES, SIZES
from charloom.runs.compare import Grid, Result, Trial, name_of

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
ATTEMPTS: Final = 4
PAUSE: Final = 0.5
"""Seconds between two attempts to open a database."""
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

        ``fixed`` is what all runs share: options, and what tells their texts from others. Raises
        SettingsError if Optuna is not there, the database cannot be used, or the study was begun
        with another space or something else that is fixed.
        """
        self._space, self._count, self._seed = space, count, seed
        self._folder = folder.resolve()
        self._study = _study(self._folder, storage)
        with _database():
            self._check({"space": dataclasses.asdict(space)} | dict(fixed))

    def run(self, train: Run, told: Callable[[str], None] = lambda message: None) -> None:
        """Do what is left: first what was begun here and not ended, then what is proposed.

        What ``train`` raises goes through, and the run may go on later; but a run whose loss is no
        number any more is a failed one: ``told`` hears of it, and the next begins. Raises
        OutputError if the database can no longer be used.
        """
        from optuna.trial import TrialState

        while (trial := self._next()) is not None:
            number = trial.number - 1
            try:
                result = train(trial)
            except DivergedError as error:
                told(f"{trial.name} failed: {error}")
                with _database():
                    self._study.tell(number, state=TrialState.FAIL)
                continue
            except BaseException:
                with contextlib.suppress(OutputError), _database():
                    self._record(number, process=None)  # nobody's now
                raise
            with _database():
                # The figure last: who sees it may ask for the result.
                self._record(number, result=result.to_json())
                self._study.tell(number, result.validation)

    def results(self) -> list[Result]:
        """Return what became of all runs of the study, on whatever machine."""
        from optuna.trial import TrialState

        with _database():
            done = self._study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
            return [Result(**self._recorded(trial.number)["result"]) for trial in done]

    def open(self) -> int:
        """Return how many runs were begun, by others or in other folders, and have no end yet."""
        from optuna.trial import TrialState

        with _database():
            return len(self._study.get_trials(deepcopy=False, states=[TrialState.RUNNING]))

    def _next(self) -> Trial | None:
        """Return what is to be done next; None if all runs of the study are done or begun."""
        with _database():
            return self._proposed()

    def _proposed(self) -> Trial | None:
        import optuna
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        begun = (trial.number for trial in trials if trial.state == TrialState.RUNNING)
        number = next(filter(self._is_left, begun), None)
        if number is None:
            if len(trials) >= self._count:
                return None
            asked = self._study.ask()
            number = asked.number
            # Of its own for each run: whoever goes on, or begins at the same moment, must not
            # propose what was proposed already.
            self._study.sampler = optuna.samplers.TPESampler(seed=self._seed + number)
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
        process = own.get("process")
        return own.get("place") == self._place and (
            process is None or process == os.getpid() or not runs(process)
        )

    @property
    def _place(self) -> str:
        return f"{platform.node()}:{self._folder}"

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


def check_installed() -> None:
    """Raise SettingsError if Optuna is not there."""
    if importlib.util.find_spec("optuna") is None:
        raise SettingsError(
            "search needs Optuna, which is not installed; install it: pip install "
            "'charloom[search]'."
        )


@contextlib.contextmanager
def _database() -> Iterator[None]:
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


def _study(folder: Path, storage: str | None) -> "optuna.Study":
    check_installed()
    import optuna
    import sqlalchemy

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made ({error.strerror}); name another folder with --output."
        ) from error
    url = f"sqlite:///{folder / STUDY}" if storage is None else storage
    try:
        for _ in range(ATTEMPTS):
            # Those who find an empty database at the same moment all make its tables, and all but
            # one of them fail.
            with contextlib.suppress(sqlalchemy.exc.DBAPIError, optuna.exceptions.OptunaError):
                return optuna.create_study(storage=url, study_name=folder.name, load_if_exists=True)
            time.sleep(PAUSE)
        return optuna.create_study(storage=url, study_name=folder.name, load_if_exists=True)
    except Exception as error:  # whatever a driver of a database raises
        raise SettingsError(
            f"storage {_hidden(url)!r} cannot be used ({_first_line(error)}); give the URL of a "
            "database whose driver is installed, such as sqlite:////data/study.sqlite3 or "
            "postgresql+psycopg://user@host/name."
        ) from error


def _hidden(url: str) -> str:
    """Return the URL of a database without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
