"""An Optuna study in a database, which several processes and machines may share.

Trials are numbered from 1, as in folder names and messages; Optuna counts from 0. Besides its
parameters and result, each trial has attributes, which Optuna stores with the study.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from charloom.errors import OutputError, SettingsError
from charloom.extras import require_package

if TYPE_CHECKING:
    import optuna
    from optuna.trial import TrialState

STUDY_FILE: Final = "study.sqlite3"
"""The database in the output folder, where no other one is named."""
OPEN_ATTEMPTS: Final = 5
RETRY_SECONDS: Final = 0.5
"""Time between two attempts to open a database."""
_SETTINGS_KEY: Final = "charloom"
"""Attribute of the study that holds the settings that all trials share."""


class Study:
    """A study in a database; a context manager that closes its connections.

    Methods raise OutputError if the database fails.
    """

    def __init__(self, folder: Path, storage: str | None) -> None:
        """Open or create the study that has the name of ``folder``.

        ``storage`` is the URL of a database; None: STUDY_FILE in the folder. Raises
        MissingPackageError if Optuna is not installed, SettingsError if the database cannot be
        used, OutputError if the folder cannot be created.
        """
        check_optuna()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be created ({error.strerror}); name another folder with --output."
            ) from error
        url = f"sqlite:///{folder / STUDY_FILE}" if storage is None else storage
        try:
            self._storage, self._study = _open_study(url, folder.name)
        except Exception as error:  # drivers of databases raise exceptions of all types
            raise SettingsError(
                f"storage {_without_password(url)!r} cannot be used ({_first_line(error)}); give "
                "the URL of a database whose driver is installed, such as "
                "sqlite:////data/study.sqlite3 or postgresql+psycopg://user@host/name."
            ) from error

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections to the database."""
        _close(self._storage)

    @property
    def count(self) -> int:
        """The number of trials that were started, on all machines."""
        with _database_errors():
            return len(self._study.get_trials(deepcopy=False))

    def running(self) -> list[int]:
        """Return the numbers of trials that were started and have not ended."""
        from optuna.trial import TrialState

        return self._numbers(TrialState.RUNNING)

    def completed(self) -> list[int]:
        """Return the numbers of trials that have a result."""
        from optuna.trial import TrialState

        return self._numbers(TrialState.COMPLETE)

    def start_trial(
        self, suggest: "Callable[[optuna.Trial], dict[str, Any]]", seed: int
    ) -> tuple[int, dict[str, Any]]:
        """Start a trial; return its number and its options.

        ``suggest`` gets the options from Optuna. Each trial has a sampler with its own seed.
        Processes that start trials at the same time, or resume the study, must not get the
        suggestions of each other.
        """
        import optuna

        with _database_errors():
            trial = self._study.ask()
            self._study.sampler = optuna.samplers.TPESampler(seed=seed + trial.number)
            return trial.number + 1, suggest(trial)

    def complete(self, number: int, value: float) -> None:
        """End a trial with its validation loss."""
        with _database_errors():
            self._study.tell(number - 1, value)

    def fail(self, number: int) -> None:
        """End a trial without a result."""
        from optuna.trial import TrialState

        with _database_errors():
            self._study.tell(number - 1, state=TrialState.FAIL)

    def attributes(self, number: int) -> dict[str, Any]:
        """Return the attributes of a trial."""
        with _database_errors():
            attributes: dict[str, Any] = self._study.user_attrs.get(_attribute_key(number), {})
            return attributes

    def set_attributes(self, number: int, **values: Any) -> None:
        """Add or replace attributes of a trial."""
        attributes = self.attributes(number) | values
        with _database_errors():
            self._study.set_user_attr(_attribute_key(number), attributes)

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Record the settings that all trials share, or compare them with the record.

        Raises SettingsError if they differ.
        """
        now = json.loads(json.dumps(settings, default=str))
        with _database_errors():
            before = self._study.user_attrs.get(_SETTINGS_KEY)
            if before is None:
                self._study.set_user_attr(_SETTINGS_KEY, now)
        if before is not None and before != now:
            old, new = (json.dumps(v, sort_keys=True) for v in _first_difference(before, now))
            raise SettingsError(
                f"the study {self._study.study_name!r} was started with {old}, and now there is "
                f"{new}; give the same settings, or another folder with --output."
            )

    def _numbers(self, state: "TrialState") -> list[int]:
        with _database_errors():
            trials = self._study.get_trials(deepcopy=False, states=[state])
        return [trial.number + 1 for trial in trials]


def check_optuna() -> None:
    """Raise MissingPackageError if Optuna is not installed."""
    require_package("optuna", "--search", "leave --search out to train all combinations")


def _open_study(url: str, name: str) -> "tuple[optuna.storages.RDBStorage, optuna.Study]":
    import optuna
    import sqlalchemy

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Processes that find an empty database all create its tables, and all but one of them fail.
    for _ in range(OPEN_ATTEMPTS - 1):
        with contextlib.suppress(sqlalchemy.exc.DBAPIError, optuna.exceptions.OptunaError):
            return _create_study(url, name)
        time.sleep(RETRY_SECONDS)
    return _create_study(url, name)


def _create_study(url: str, name: str) -> "tuple[optuna.storages.RDBStorage, optuna.Study]":
    import optuna

    storage = optuna.storages.RDBStorage(url)
    try:
        return storage, optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    except BaseException:
        _close(storage)
        raise


def _close(storage: "optuna.storages.RDBStorage") -> None:
    """Close all connections.

    From Python 3.13 on, one that is not closed is a ResourceWarning.
    """
    storage.remove_session()
    storage.engine.dispose()


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    """Turn errors of the database into an OutputError of one line."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        raise OutputError(
            f"the study's database failed ({_first_line(error)}); trained models are kept: give "
            "the same command again when it works."
        ) from error


def _first_difference(before: Any, now: Any) -> tuple[Any, Any]:
    """Return the first values that differ, in JSON objects that name them.

    >>> _first_difference({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}})
    ({'b': {'d': 3}}, {'b': {'d': 4}})
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                old, new = _first_difference(before.get(name), now.get(name))
                return {name: old}, {name: new}
    return before, now


def _attribute_key(number: int) -> str:
    return f"run {number}"


def _without_password(url: str) -> str:
    """Return the URL of a database with its password replaced.

    >>> _without_password("postgresql://me:secret@host/x")
    'postgresql://me:***@host/x'
    """
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
