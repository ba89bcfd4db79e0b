"""A search: each run is that of train; what is begun is ended, and nothing is done twice."""

import importlib.util
import json
import multiprocessing
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from studies import GRID, OPTIONS, begin_and_die, noting, result_of, search, take_part

import charloom
from charloom.errors import DivergedError, OutputError, SettingsError, TrainingError
from charloom.runs.auto import RATES
from charloom.runs.compare import Comparison, Interrupted, Result, Trial
from charloom.runs.search import HIDDEN, STUDY, Space

LINES = [f"line {k} of a story, {k * k}" for k in range(60)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), "utf-8")
    return path


def test_what_is_left_open_is_chosen() -> None:
    space = Space.of({"cell": ["lstm"], "layers": [1, 2]}, {"minutes": 1.0})
    assert space.grid["hidden"] == HIDDEN
    assert space.learning_rate == pytest.approx((RATES["muon"] / 4, RATES["muon"] * 2.5))
    assert space.dropout
    fixed = Space.of(GRID, {"learning_rate": 0.1, "dropout": 0.0, "optimizer": "adamw"})
    assert (fixed.learning_rate, fixed.dropout) == (None, False)
    assert Space.of(GRID, {"optimizer": "adamw"}).learning_rate == pytest.approx((0.0015, 0.015))


def test_each_run_is_that_of_train(tmp_path: Path, source: Path) -> None:
    made = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)
    study = search(tmp_path / "c")
    seen: list[Trial] = []

    def train(trial: Trial) -> Result:
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
        assert RATES["muon"] / 4 <= trial.options["learning_rate"] <= RATES["muon"] * 2.5
        alone = charloom.train(source, **OPTIONS, **trial.options)
        assert result.validation == alone.record.figures["bits_per_character"]
        assert (result.dropout, result.learning_rate) == (
            trial.options["dropout"],
            trial.options["learning_rate"],
        )


def test_what_is_done_is_not_done_again_and_more_may_follow(tmp_path: Path) -> None:
    first: list[Trial] = []
    search(tmp_path / "c").run(noting(first))
    search(tmp_path / "c").run(lambda trial: pytest.fail("it was done"))
    more: list[Trial] = []
    study = search(tmp_path / "c", count=5)
    study.run(noting(more))
    assert [trial.number for trial in more] == [4, 5]
    rates = [trial.options["learning_rate"] for trial in [*first, *more]]
    assert len(set(rates)) == 5  # one that goes on does not begin again with the same proposals
    assert [one.learning_rate for one in study.results()] == rates


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    begun: list[Trial] = []

    def interrupted(trial: Trial) -> Result:
        begun.append(trial)
        if trial.number == 2:
            raise Interrupted
        return result_of(trial)

    with pytest.raises(Interrupted):
        search(tmp_path / "c").run(interrupted)
    again: list[Trial] = []
    study = search(tmp_path / "c")
    study.run(noting(again))
    assert again[0] == begun[1]
    assert [trial.number for trial in again] == [2, 3]
    assert len(study.results()) == 3


def test_runs_of_others_are_left_to_them(tmp_path: Path) -> None:
    """Two folders, as of two machines, and one database."""
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    one, other = (search(tmp_path / side / "c", storage=url) for side in ("a", "b"))
    theirs: list[Trial] = []
    ours: list[int] = []

    def own(trial: Trial) -> Result:
        ours.append(trial.number)
        if trial.number == 1:  # meanwhile, the other one does all the rest
            other.run(noting(theirs))
        return result_of(trial)

    one.run(own)
    assert ours == [1]
    assert [trial.number for trial in theirs] == [2, 3]
    assert one.results() == other.results()
    assert len(one.results()) == 3


def test_processes_share_a_study(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    context = multiprocessing.get_context("spawn")
    sides = [
        context.Process(target=take_part, args=(str(tmp_path / side / "c"), url, 8))
        for side in ("a", "b")
    ]
    for side in sides:
        side.start()
    for side in sides:
        side.join(120)
    assert [side.exitcode for side in sides] == [0, 0]
    rates = [one.learning_rate for one in search(tmp_path / "a" / "c", 8, storage=url).results()]
    assert len(set(rates)) == len(rates)  # those who ask at the same moment are told differently
    results = search(tmp_path / "a" / "c", 8, storage=url).results()
    assert sorted(int(one.name[:3]) for one in results) in ([*range(1, 9)], [*range(1, 10)])


def test_a_run_whose_loss_is_no_number_is_a_failed_one(tmp_path: Path) -> None:
    def train(trial: Trial) -> Result:
        if trial.number == 2:
            raise DivergedError("the loss is nan")
        return result_of(trial)

    study = search(tmp_path / "c")
    told: list[str] = []
    study.run(train, told=told.append)
    [message] = told
    assert message.endswith(" failed: the loss is nan")
    assert [int(one.name[:3]) for one in study.results()] == [1, 3]
    search(tmp_path / "c").run(lambda trial: pytest.fail("three were tried"))


@pytest.mark.parametrize(
    ("changed", "before", "now"),
    [
        ({"grid": GRID | {"hidden": [3, 4]}}, '{"hidden": [3, 4, 5]}', '{"hidden": [3, 4]}'),
        ({"options": OPTIONS | {"steps": 4}}, '{"steps": 3}', '{"steps": 4}'),
        ({"options": OPTIONS | {"seed": 4}}, '{"seed": null}', '{"seed": 4}'),
        ({"texts": "others"}, '{"texts": "a fingerprint"}', '{"texts": "others"}'),
    ],
)
def test_another_search_in_the_same_place_is_refused(
    tmp_path: Path, changed: dict[str, Any], before: str, now: str
) -> None:
    search(tmp_path / "c")
    with pytest.raises(SettingsError) as error:
        search(tmp_path / "c", **changed)
    message = str(error.value)
    inner = [json.loads(part) for part in (before, now)]
    assert message.startswith("the study 'c' was begun with {")
    assert message.endswith("; give what it was begun with, or another folder with --output.")
    for part in inner:
        assert json.dumps(part)[1:-1] in message


@pytest.mark.parametrize("url", ["nothing", "postgresql+psycopg://me@host/x"])
def test_a_database_that_cannot_be_used(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError) as error:
        search(tmp_path / "c", storage=url)
    message = str(error.value)
    assert message.startswith(f"storage {url!r} cannot be used (")
    assert message.endswith(
        "); give the URL of a database whose driver is installed, such as "
        "sqlite:////data/study.sqlite3 or postgresql+psycopg://user@host/name."
    )
    assert "\n" not in message


def test_without_optuna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError) as error:
        search(tmp_path / "c")
    assert str(error.value) == (
        "search needs Optuna, which is not installed; install it: pip install 'charloom[search]'."
    )
    assert not (tmp_path / "c").exists()


def test_the_study_lies_in_the_folder(tmp_path: Path) -> None:
    search(tmp_path / "new" / "c")
    assert (tmp_path / "new" / "c" / STUDY).is_file()


def test_what_a_dead_process_left_goes_on_and_what_a_live_one_does_is_left(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    dead = context.Process(target=begin_and_die, args=(str(tmp_path / "c"),))
    dead.start()
    dead.join(120)
    assert dead.exitcode == -signal.SIGKILL
    study = search(tmp_path / "c")
    assert study.open() == 1
    seen: list[Trial] = []
    study.run(noting(seen))
    assert [trial.number for trial in seen] == [1, 2, 3]
    assert study.open() == 0

    living = subprocess.Popen(["sleep", "60"])
    try:
        begun = search(tmp_path / "d")

        def train(trial: Trial) -> Result:
            begun._record(trial.number - 1, process=living.pid)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            begun.run(train)
        begun._record(0, process=living.pid)
        others: list[Trial] = []
        study = search(tmp_path / "d")
        study.run(noting(others))
        assert [trial.number for trial in others] == [2, 3]
        assert study.open() == 1
    finally:
        living.kill()
        living.wait()


def test_other_errors_end_the_search_and_the_run_may_go_on(tmp_path: Path) -> None:
    def train(trial: Trial) -> Result:
        raise TrainingError("torch is missing")

    study = search(tmp_path / "c")
    with pytest.raises(TrainingError, match="torch is missing"):
        study.run(train)
    seen: list[Trial] = []
    study.run(noting(seen))
    assert [trial.number for trial in seen] == [1, 2, 3]


def test_a_database_that_fails_later(tmp_path: Path) -> None:
    study = search(tmp_path / "c")

    def train(trial: Trial) -> Result:
        (tmp_path / "c" / STUDY).write_bytes(b"no database" * 1000)
        return result_of(trial)

    with pytest.raises(OutputError) as error:
        study.run(train)
    message = str(error.value)
    assert message.startswith("the study's database failed (")
    assert message.endswith(
        "); what was trained is kept: give the same command again when it works."
    )
    assert "\n" not in message


def test_passwords_are_not_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        search(tmp_path / "c", storage="nothing://me:secret@host/x")
    assert "secret" not in str(error.value)
    assert "'nothing://me:***@host/x'" in str(error.value)
