"""Studies with made-up results, for tests of the search in this process or in others."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from charloom.evaluation.run_result import RunResult
from charloom.runs.compare import Trial
from charloom.runs.search import Search, SearchSpace

OPTIONS: dict[str, Any] = {"steps": 3, "device": "cpu"}
GRID: dict[str, list[Any]] = {"cell": ["gru", "rnn"], "layers": [1], "hidden": [3, 4, 5]}


def open_search(folder: Path, count: int = 3, **changes: Any) -> Search:
    """Return a search over GRID; close it, or use it as a context manager."""
    grid, options = changes.pop("grid", GRID), changes.pop("options", OPTIONS)
    fixed = {"options": options, "texts": changes.pop("texts", "a fingerprint")}
    return Search(folder, SearchSpace.from_options(grid, options), fixed, count=count, **changes)


def result_of(trial: Trial) -> RunResult:
    """Return a made-up result, in which more hidden units are better."""
    return RunResult(
        name=trial.name,
        cell=trial.options["cell"],
        layers=trial.options["layers"],
        hidden=trial.options["hidden"],
        dropout=trial.options["dropout"],
        learning_rate=trial.options["learning_rate"],
        parameters=1,
        validation=4.0 - trial.options["hidden"] / 10,
        test=None,
        gap=None,
        training_rate=1.0,
        writing_rate=1.0,
        seconds=1.0,
    )


def recorder_of(trials: list[Trial]) -> Callable[[Trial], RunResult]:
    """Return a function that appends each trial to ``trials`` and makes up its result."""

    def train(trial: Trial) -> RunResult:
        trials.append(trial)
        return result_of(trial)

    return train


def run_study(folder: str, url: str, count: int) -> None:
    """Run trials of a shared study; called in another process."""
    with open_search(Path(folder), count, storage=url) as search:
        search.run(result_of)


def start_and_die(folder: str) -> None:
    """Start a trial and kill this process before the trial ends."""

    def train(trial: Trial) -> RunResult:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    open_search(Path(folder)).run(train)


def start_and_wait(folder: str, pipe: Any) -> None:
    """Start a trial, send its number, and wait until this process is killed."""

    def train(trial: Trial) -> RunResult:
        pipe.send(trial.number)
        signal.pause()
        raise AssertionError

    open_search(Path(folder)).run(train)
