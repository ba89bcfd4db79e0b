"""A study numbers trials from 1, stores their attributes, and reports database errors in a line."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from charloom.errors import MissingPackageError, OutputError, SettingsError
from charloom.runs.study import STUDY_FILE, Study

OpenStudy = Callable[..., Study]


@pytest.fixture
def open_study() -> Iterator[OpenStudy]:
    """Return a function that opens studies, which are closed after the test."""
    with contextlib.ExitStack() as stack:

        def enter(folder: Path, storage: str | None = None) -> Study:
            return stack.enter_context(Study(folder, storage))

        yield enter


def suggest_rate(trial: optuna.Trial) -> dict[str, Any]:
    return {"learning_rate": trial.suggest_float("learning_rate", 0.001, 0.1)}


def stored_values(folder: Path) -> list[float | None]:
    """Return the results of all trials as Optuna reads them from the default database."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / STUDY_FILE}")
    try:
        study = optuna.load_study(study_name=folder.name, storage=storage)
        return [trial.value for trial in study.get_trials()]
    finally:
        storage.remove_session()
        storage.engine.dispose()


def test_trials_are_numbered_from_1_and_end_with_a_result_or_without(
    tmp_path: Path, open_study: OpenStudy
) -> None:
    study = open_study(tmp_path / "c")
    assert [study.start_trial(suggest_rate, seed=0)[0] for _ in range(3)] == [1, 2, 3]
    study.complete(3, 2.5)
    study.fail(1)
    assert (study.count, study.running(), study.completed()) == (3, [2], [3])
    assert stored_values(tmp_path / "c") == [None, None, 2.5]


def test_the_options_of_a_trial_are_those_suggested(tmp_path: Path, open_study: OpenStudy) -> None:
    _, options = open_study(tmp_path / "c").start_trial(suggest_rate, seed=0)
    assert 0.001 <= options["learning_rate"] <= 0.1


def test_suggestions_follow_from_the_seed_and_the_number(
    tmp_path: Path, open_study: OpenStudy
) -> None:
    def first_two(folder: Path, seed: int) -> list[dict[str, Any]]:
        study = open_study(folder)
        return [study.start_trial(suggest_rate, seed)[1] for _ in range(2)]

    one = first_two(tmp_path / "a", 0)
    assert one[0] != one[1]
    assert first_two(tmp_path / "b", 0) == one
    assert first_two(tmp_path / "c", 7) != one


def test_attributes_are_added_replaced_and_found_again(
    tmp_path: Path, open_study: OpenStudy
) -> None:
    study = open_study(tmp_path / "c")
    for _ in range(2):
        study.start_trial(suggest_rate, seed=0)
    assert study.attributes(1) == {}
    study.set_attributes(1, place="here", process=5)
    study.set_attributes(1, process=None)
    again = open_study(tmp_path / "c")
    assert again.attributes(1) == {"place": "here", "process": None}
    assert again.attributes(2) == {}


def test_settings_are_recorded_once_and_compared_afterwards(
    tmp_path: Path, open_study: OpenStudy
) -> None:
    settings = {"grid": {"cell": ("gru",), "hidden": [3, 4]}, "source": Path("a.txt")}
    open_study(tmp_path / "c").check_settings(settings)
    again = open_study(tmp_path / "c")
    again.check_settings(settings)
    with pytest.raises(SettingsError) as caught:
        again.check_settings(settings | {"grid": {"cell": ("gru",), "hidden": [3]}})
    assert str(caught.value) == (
        """the study 'c' was started with {"grid": {"hidden": [3, 4]}}, and now there is """
        """{"grid": {"hidden": [3]}}; give the same settings, or another folder with --output."""
    )


def test_folders_of_different_names_have_different_studies_in_one_database(
    tmp_path: Path, open_study: OpenStudy
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    one, other, same = (open_study(tmp_path / name, url) for name in ("c", "d", "elsewhere/c"))
    one.start_trial(suggest_rate, seed=0)
    assert (one.count, other.count, same.count) == (1, 0, 1)
    assert not (tmp_path / "c" / STUDY_FILE).exists()


def test_the_default_database_is_in_the_folder(tmp_path: Path, open_study: OpenStudy) -> None:
    open_study(tmp_path / "new" / "c")
    assert (tmp_path / "new" / "c" / STUDY_FILE).is_file()


def test_a_folder_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = tmp_path / "file" / "c"
    with pytest.raises(OutputError) as caught:
        Study(folder, None)
    message = str(caught.value)
    assert message.startswith(f"{folder} cannot be created (")
    assert message.endswith("); name another folder with --output.")


@pytest.mark.parametrize("url", ["nothing", "postgresql+psycopg://me@host/x"])
def test_an_unusable_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Study(tmp_path / "c", url)
    message = str(caught.value)
    assert message.startswith(f"storage {url!r} cannot be used (")
    assert message.endswith(
        "); give the URL of a database whose driver is installed, such as "
        "sqlite:////data/study.sqlite3 or postgresql+psycopg://user@host/name."
    )
    assert "\n" not in message


def test_messages_hide_passwords(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Study(tmp_path / "c", "nothing://me:secret@host/x")
    assert "secret" not in str(caught.value)
    assert "'nothing://me:***@host/x'" in str(caught.value)


def test_a_database_that_fails_later_is_reported_in_one_line(
    tmp_path: Path, open_study: OpenStudy
) -> None:
    study = open_study(tmp_path / "c")
    study.start_trial(suggest_rate, seed=0)
    (tmp_path / "c" / STUDY_FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(OutputError) as caught:
        study.complete(1, 2.5)
    message = str(caught.value)
    assert message.startswith("the study's database failed (")
    assert message.endswith(
        "); trained models are kept: give the same command again when it works."
    )
    assert "\n" not in message


def test_without_optuna_the_message_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingPackageError) as caught:
        Study(tmp_path / "c", None)
    assert str(caught.value) == (
        "--search needs the package optuna, which is not installed; install it with "
        "pip install 'charloom[search]', or leave --search out to train all combinations."
    )
    assert not (tmp_path / "c").exists()
