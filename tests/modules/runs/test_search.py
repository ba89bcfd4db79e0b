"""A search runs each trial once, resumes interrupted ones, and shares a study."""

import contextlib
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool
from studies import (
    GRID,
    OPTIONS,
    recorder_of,
    result_of,
    run_study,
    start_and_die,
    start_and_wait,
)
from studies import open_search as open_unclosed_search

import charloom
from charloom.errors import DivergedError, OutputError, SettingsError, TrainingError
from charloom.evaluation.run_result import RunResult
from charloom.runs.auto import LEARNING_RATES
from charloom.runs.compare import Comparison, RunInterrupted, Trial
from charloom.runs.search import SEARCH_HIDDEN_SIZES, Search, SearchSpace
from charloom.runs.study import STUDY_FILE

LINES = [f"line {k} of a story, {k * k}" for k in range(60)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), "utf-8")
    return path


@pytest.fixture
def open_search() -> Iterator[Callable[..., Search]]:
    """Return a function that opens searches, which are closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(open_unclosed_search(*args, **options))


OpenSearch = Callable[..., Search]


def test_the_search_space_has_the_options_left_out() -> None:
    space = SearchSpace.from_options({"cell": ["lstm"], "layers": [1, 2]}, {"minutes": 1.0})
    assert space.grid["hidden"] == SEARCH_HIDDEN_SIZES
    assert space.learning_rate == pytest.approx(
        (LEARNING_RATES["muon"] / 4, LEARNING_RATES["muon"] * 2.5)
    )
    assert space.dropout
    fixed = SearchSpace.from_options(
        GRID, {"learning_rate": 0.1, "dropout": 0.0, "optimizer": "adamw"}
    )
    assert (fixed.learning_rate, fixed.dropout) == (None, False)
    assert SearchSpace.from_options(GRID, {"optimizer": "adamw"}).learning_rate == pytest.approx(
        (0.0015, 0.015)
    )


def test_each_result_equals_that_of_train_alone(
    tmp_path: Path, open_search: OpenSearch, source: Path
) -> None:
    made = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)
    study = open_search(tmp_path / "c")
    seen: list[Trial] = []

    def train(trial: Trial) -> RunResult:
        seen.append(trial)
        return made.run(trial)

    study.run(train)
    assert [trial.number for trial in seen] == [1, 2, 3]
    assert seen[0].name.startswith("001-")
    results = study.results()
    assert results == made.results
    for trial, result in zip(seen, results, strict=True):
        assert trial.options["cell"] in GRID["cell"]
        assert trial.options["hidden"] in GRID["hidden"]
        assert 0 <= trial.options["dropout"] <= 0.7
        assert (
            LEARNING_RATES["muon"] / 4
            <= trial.options["learning_rate"]
            <= LEARNING_RATES["muon"] * 2.5
        )
        alone = charloom.train(source, **OPTIONS, **trial.options)
        assert result.validation == alone.record.metrics["bits_per_character"]
        assert (result.dropout, result.learning_rate) == (
            trial.options["dropout"],
            trial.options["learning_rate"],
        )


def test_finished_trials_are_not_repeated_and_more_can_be_added(
    tmp_path: Path, open_search: OpenSearch
) -> None:
    first: list[Trial] = []
    open_search(tmp_path / "c").run(recorder_of(first))
    open_search(tmp_path / "c").run(lambda trial: pytest.fail("it was done"))
    more: list[Trial] = []
    study = open_search(tmp_path / "c", count=5)
    study.run(recorder_of(more))
    assert [trial.number for trial in more] == [4, 5]
    rates = [trial.options["learning_rate"] for trial in [*first, *more]]
    assert len(set(rates)) == 5  # a resumed study does not repeat its suggestions
    assert [one.learning_rate for one in study.results()] == rates


def test_an_interrupted_trial_is_resumed(tmp_path: Path, open_search: OpenSearch) -> None:
    started: list[Trial] = []

    def interrupted(trial: Trial) -> RunResult:
        started.append(trial)
        if trial.number == 2:
            raise RunInterrupted
        return result_of(trial)

    with pytest.raises(RunInterrupted):
        open_search(tmp_path / "c").run(interrupted)
    again: list[Trial] = []
    study = open_search(tmp_path / "c")
    study.run(recorder_of(again))
    assert again[0] == started[1]
    assert [trial.number for trial in again] == [2, 3]
    assert len(study.results()) == 3


def test_trials_of_another_folder_are_left_alone(tmp_path: Path, open_search: OpenSearch) -> None:
    """Two folders, as on two machines, share one database."""
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    one, other = (open_search(tmp_path / side / "c", storage=url) for side in ("a", "b"))
    theirs: list[Trial] = []
    ours: list[int] = []

    def own(trial: Trial) -> RunResult:
        ours.append(trial.number)
        if trial.number == 1:  # meanwhile the other search runs all remaining trials
            other.run(recorder_of(theirs))
        return result_of(trial)

    one.run(own)
    assert ours == [1]
    assert [trial.number for trial in theirs] == [2, 3]
    assert one.results() == other.results()
    assert len(one.results()) == 3


def test_two_processes_share_a_study(tmp_path: Path, open_search: OpenSearch) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    context = multiprocessing.get_context("spawn")
    sides = [
        context.Process(target=run_study, args=(str(tmp_path / side / "c"), url, 8))
        for side in ("a", "b")
    ]
    for side in sides:
        side.start()
    for side in sides:
        side.join(120)
    assert [side.exitcode for side in sides] == [0, 0]
    rates = [
        one.learning_rate for one in open_search(tmp_path / "a" / "c", 8, storage=url).results()
    ]
    assert len(set(rates)) == len(rates)  # simultaneous suggestions differ
    results = open_search(tmp_path / "a" / "c", 8, storage=url).results()
    assert sorted(int(one.name[:3]) for one in results) in ([*range(1, 9)], [*range(1, 10)])


def test_a_diverged_trial_is_a_failed_one(tmp_path: Path, open_search: OpenSearch) -> None:
    def train(trial: Trial) -> RunResult:
        if trial.number == 2:
            raise DivergedError("the loss is nan")
        return result_of(trial)

    study = open_search(tmp_path / "c")
    messages: list[str] = []
    study.run(train, on_failure=messages.append)
    [message] = messages
    assert message.endswith(" failed: the loss is nan")
    assert [int(one.name[:3]) for one in study.results()] == [1, 3]
    open_search(tmp_path / "c").run(lambda trial: pytest.fail("three were tried"))


@pytest.mark.parametrize(
    ("changed", "before", "now"),
    [
        ({"grid": GRID | {"hidden": [3, 4]}}, '{"hidden": [3, 4, 5]}', '{"hidden": [3, 4]}'),
        ({"options": OPTIONS | {"steps": 4}}, '{"steps": 3}', '{"steps": 4}'),
        ({"options": OPTIONS | {"seed": 4}}, '{"seed": null}', '{"seed": 4}'),
        ({"texts": "others"}, '{"texts": "a fingerprint"}', '{"texts": "others"}'),
    ],
)
def test_other_settings_for_the_same_study_are_refused(
    open_search: OpenSearch, tmp_path: Path, changed: dict[str, Any], before: str, now: str
) -> None:
    open_search(tmp_path / "c")
    with pytest.raises(SettingsError) as error:
        open_search(tmp_path / "c", **changed)
    message = str(error.value)
    inner = [json.loads(part) for part in (before, now)]
    assert message.startswith("the study 'c' was started with {")
    assert message.endswith("; give the same settings, or another folder with --output.")
    for part in inner:
        assert json.dumps(part)[1:-1] in message


def test_trials_of_dead_processes_are_resumed(tmp_path: Path, open_search: OpenSearch) -> None:
    context = multiprocessing.get_context("spawn")
    dead = context.Process(target=start_and_die, args=(str(tmp_path / "c"),))
    dead.start()
    dead.join(120)
    assert dead.exitcode == -signal.SIGKILL
    study = open_search(tmp_path / "c")
    assert study.running_count() == 1
    seen: list[Trial] = []
    study.run(recorder_of(seen))
    assert [trial.number for trial in seen] == [1, 2, 3]
    assert study.running_count() == 0


def test_trials_of_running_processes_are_left_alone(
    tmp_path: Path, open_search: OpenSearch
) -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    running = context.Process(target=start_and_wait, args=(str(tmp_path / "c"), sender))
    running.start()
    try:
        assert receiver.poll(120)
        assert receiver.recv() == 1
        seen: list[Trial] = []
        study = open_search(tmp_path / "c")
        study.run(recorder_of(seen))
        assert [trial.number for trial in seen] == [2, 3]
        assert study.running_count() == 1
    finally:
        running.kill()
        running.join(120)


def test_a_closed_search_has_no_connections(tmp_path: Path) -> None:
    opened: list[object] = []
    closed: list[object] = []

    def on_connect(connection: object, _: object) -> None:
        opened.append(connection)

    def on_close(connection: object, _: object) -> None:
        closed.append(connection)

    event.listen(Pool, "connect", on_connect)
    event.listen(Pool, "close", on_close)
    try:
        with open_unclosed_search(tmp_path / "c") as study:
            study.run(result_of)
        with pytest.raises(SettingsError):
            open_unclosed_search(tmp_path / "c", texts="others")
    finally:
        event.remove(Pool, "connect", on_connect)
        event.remove(Pool, "close", on_close)
    assert opened
    assert set(map(id, opened)) == set(map(id, closed))


def test_other_errors_end_the_search_and_the_trial_can_be_resumed(
    tmp_path: Path, open_search: OpenSearch
) -> None:
    def train(trial: Trial) -> RunResult:
        raise TrainingError("torch is missing")

    study = open_search(tmp_path / "c")
    with pytest.raises(TrainingError, match="torch is missing"):
        study.run(train)
    seen: list[Trial] = []
    study.run(recorder_of(seen))
    assert [trial.number for trial in seen] == [1, 2, 3]


def test_a_database_that_fails_during_a_trial(tmp_path: Path, open_search: OpenSearch) -> None:
    study = open_search(tmp_path / "c")

    def train(trial: Trial) -> RunResult:
        (tmp_path / "c" / STUDY_FILE).write_bytes(b"no database" * 1000)
        return result_of(trial)

    with pytest.raises(OutputError) as error:
        study.run(train)
    message = str(error.value)
    assert message.startswith("the study's database failed (")
    assert message.endswith(
        "); trained models are kept: give the same command again when it works."
    )
    assert "\n" not in message
