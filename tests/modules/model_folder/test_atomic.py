"""A folder is replaced as a whole; leftovers of killed processes are recovered or removed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from faults import FULL_DISK, Killed, failing, inode, recorded
from records import folder, record

from charloom.errors import OutputError
from charloom.model_folder import format as model_folder
from charloom.model_folder.atomic import (
    fill_directory,
    make_sibling,
    recover,
    replace_directory,
)
from charloom.model_folder.writer import ModelWriter, create_model_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be probed there")


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> int:
    """Create temporary folders in the name of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    monkeypatch.setattr(os, "getpid", lambda: process.pid)
    return process.pid


@pytest.mark.usefixtures("dead")
def test_folders_of_killed_processes_are_removed(tmp_path: Path) -> None:
    (make_sibling(tmp_path / "m") / "metrics.jsonl").write_text("{}")
    other = make_sibling(tmp_path / "n")
    recover(tmp_path / "m")
    assert set(tmp_path.iterdir()) == {other}


def test_folders_of_running_processes_are_kept(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m"):
        before = set(tmp_path.iterdir())
        recover(tmp_path / "m")
        assert set(tmp_path.iterdir()) == before != set()


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("whole", [True, False])
def test_a_kill_between_two_renames_loses_no_model(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "m"
    create_model_folder(path, record())
    path.rename(make_sibling(path) / "model")
    new = make_sibling(path)
    if whole:
        create_model_folder(new, record(metrics={"step": 9}), force=True)
    recover(path)
    assert set(tmp_path.iterdir()) == {path}
    assert (model_folder.read(path).metrics.get("step") == 9) is whole


def test_recovering_a_missing_folder_creates_nothing(tmp_path: Path) -> None:
    recover(tmp_path / "a" / "m")
    assert not list(tmp_path.iterdir())


def test_the_last_file_is_written_when_the_others_are_on_disk(tmp_path: Path) -> None:
    with recorded() as calls:
        fill_directory(tmp_path, {"a": b"1", "b": b"2", "last": b"3"})
    names = ("a", "b", ".", "last", ".")
    assert calls == [("fsync", inode(tmp_path / name)) for name in names]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"1",
        "b": b"2",
        "last": b"3",
    }


def test_both_renames_reach_the_disk_before_the_old_folder_is_deleted(tmp_path: Path) -> None:
    old, new = tmp_path / "m", tmp_path / "new"
    for path in (old, new):
        path.mkdir()
        (path / "name").write_text(path.name)
    with recorded() as calls:
        replace_directory(new, old)
    assert calls == [("rename", "model"), ("rename", "m"), ("fsync", inode(tmp_path))]
    assert (old / "name").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


SAVE_CALLS = 9
"""Three files and the card are fsynced, the folder twice; two renames, fsync of the parent."""


@pytest.mark.parametrize("allowed", range(SAVE_CALLS))
def test_one_failure_at_any_point_leaves_the_old_or_the_new_model(
    tmp_path: Path, allowed: int
) -> None:
    path = folder(tmp_path / "m")
    with failing(allowed, FULL_DISK, once=True), pytest.raises(OutputError):
        create_model_folder(path, record(metrics={"step": 9}), force=True)
    new = allowed == SAVE_CALLS - 1
    assert (model_folder.read(path).metrics["step"] == 9) is new
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("allowed", range(SAVE_CALLS))
def test_a_kill_at_any_point_leaves_the_old_or_the_new_model(tmp_path: Path, allowed: int) -> None:
    path = folder(tmp_path / "m")
    with failing(allowed, Killed()), pytest.raises(Killed):
        create_model_folder(path, record(metrics={"step": 9}), force=True)
    recover(path)
    assert model_folder.read(path).metrics["step"] == (7 if allowed < SAVE_CALLS - 1 else 9)
    assert list(tmp_path.iterdir()) == [path]
